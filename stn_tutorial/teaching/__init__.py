"""Teaching: what a notebook shows and asks. Needs all other storeys.

`picture`, `figures`, `diagrams`, `pose_figures`, `run_figures` (still); `film`, `animations` (that play); `images`, `player`,
`browser_widget`, `explorer`, `model_explorer` (moved by hand); `checks` (one file a notebook), `notebook` (its first cell).
"""
