"""Checkers of the exercises: each says what was expected, shows it, and names the mistake if it knows it.

`exercises` is the list of all; each notebook's files hold its checkers and their wrong answers, `wrong_samplers` and
`wrong_transformers` what those are made of; `verdict` compares and `drawing` draws. `checks.check_shift_theta` and so on, as the
notebooks call them, are the checkers of that list.
"""

from .exercises import EXERCISES, Exercise
from .verdict import Mistake, Verdict

globals().update({exercise.check.__name__: exercise.check for exercise in EXERCISES})

__all__ = ["EXERCISES", "Exercise", "Mistake", "Verdict", *(exercise.check.__name__ for exercise in EXERCISES)]
