"""What makes the notebooks, the pages and the README's tables; `notebooks/build.py` is its command line.

Read in this order: `sources` (the list of notebooks, and what becomes of a source), `execution` (running a notebook, and what is
kept of it), `committed` (the notebooks of the repository), `site` (all pages to read) with `rendering` (what it asks of Sphinx),
`readme`.
"""
