"""Teaching: what a notebook shows and asks. Needs all other storeys.

`notebook` (its first cell); `picture`, then `figures`, `diagrams`, `pose_figures`, `run_figures` and `team_figures`; `film` and `animations`; `images`,
`browser_widget`, `player`, `explorer`, `model_explorer` and `live` (moved by hand); `checks` (the exercises' checkers).
"""
