"""Builds the notebooks from their sources in notebooks/source/.

    python notebooks/build.py notebooks [NAME ...]   executed notebooks, to commit: NN_name.ipynb and solutions/NN_name.ipynb
    python notebooks/build.py walkthrough            executed afresh, to read: build/walkthrough/*.html, needing no network
    python notebooks/build.py readme                 what README.md says of notebooks and runs

STN_PROFILE=quick makes every notebook shorter; without it they run in full.
"""

import argparse
import sys

from builder.committed import build_notebooks
from builder.pages import build_walkthrough
from builder.readme import build_readme
from stn_tutorial.teaching.notebook import profile


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    names = commands.add_parser("notebooks", help="write the executed notebooks").add_argument
    names("names", nargs="*", metavar="NAME", help="how the names begin, for instance 03; default: all")
    commands.add_parser("walkthrough", help="write the HTML pages")
    commands.add_parser("readme", help="fill in README.md's tables")
    args = parser.parse_args(arguments)
    try:
        profile()
    except ValueError as error:
        sys.exit(f"error: {error}")
    if args.command == "notebooks":
        return build_notebooks(args.names)
    return build_walkthrough() if args.command == "walkthrough" else build_readme()


if __name__ == "__main__":
    sys.exit(main())
