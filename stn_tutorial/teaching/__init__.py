"""Teaching: what a notebook shows and asks. Needs all other storeys.

`notebook` (its first cell); `picture`, then `figures`, `diagrams`, `pose_figures`, `run_figures` and `team_figures`; `film` and `animations`; `images`,
`browser_widget`, `player`, `explorer`, `model_explorer` and `live` (moved by hand); `costs` and `jobs` (what takes how long, and in several
processes); `checks` (the exercises' checkers), `kernel` and `homework` (they are asked about a notebook that is handed in); `wheels`, `bundle`
and `room` (the course without a network).
"""
