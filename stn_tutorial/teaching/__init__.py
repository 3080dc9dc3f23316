"""Teaching: what a notebook shows and asks. Needs all other storeys.

`picture` and `figures`; `film`, `animations`; `player`, `browser_widget`, `explorer`, `model_explorer` (moved by hand); `checks` (one file
a notebook), `notebook` (its first cell).
"""
