"""Training: data, what is done to it, how nets learn from it, and what was recorded. Needs networks and geometry.

`data` (with `offline`), `distortions` (each returns the true pose) and `augmentation`; `recipe`, `consistency`, `trainer` (with
`recorder`, `checkpoints`, `lock` and `processes`, for a training in several); `evaluation`, `metrics` and `probes` (what came
out); `experiment`, `experiments`, `runs` and `tables` (with `cells` and `team_tables`: the named trainings and their records);
`addition`, `colocalization`, `solids` and `basin` (the paper's appendix, and windows that shrink; what was found there is kept by
`measured`); `shipping` (a recorded net becomes part of the package), `snapshots` (and what it was along its training) and `exported`
(a shipped net becomes a file for other programs).
"""
