"""Builds the notebooks from their sources in notebooks/source/.

    python notebooks/build.py notebooks [NAME ...]   executed notebooks, to commit: NN_name.ipynb and solutions/NN_name.ipynb
    python notebooks/build.py walkthrough            executed afresh, to read: a site that needs no network, build/site/index.html
    python notebooks/build.py site                   the same site from the notebooks as they are
    python notebooks/build.py readme                 what README.md says of notebooks and runs

STN_PROFILE=quick makes every notebook shorter; without it they run in full.
"""

import argparse
import sys

from builder.committed import build_notebooks
from builder.readme import build_readme
from stn_tutorial.teaching.notebook import profile


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    names = commands.add_parser("notebooks", help="write the executed notebooks").add_argument
    names("names", nargs="*", metavar="NAME", help="how the names begin, for instance 03; default: all")
    commands.add_parser("walkthrough", help="run the notebooks and write the site")
    commands.add_parser("site", help="write the site from the notebooks as they are")
    commands.add_parser("readme", help="fill in README.md's tables")
    args = parser.parse_args(arguments)
    try:
        profile()
    except ValueError as error:
        sys.exit(f"error: {error}")
    if args.command == "notebooks":
        return build_notebooks(args.names)
    if args.command == "readme":
        return build_readme()
    from builder.site import build_site, build_walkthrough  # only these need the extra `site`

    return build_walkthrough() if args.command == "walkthrough" else build_site()


if __name__ == "__main__":
    sys.exit(main())
