"""The cells of tables, and a table of them: numbers as text."""

import statistics

from .experiment import Experiment


def mean_and_spread(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation (n - 1); the spread of a single value is NaN.

    >>> mean_and_spread([1.0, 3.0])
    (2.0, 1.4142135623730951)
    """
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else float("nan")


def markdown(header: tuple[str, ...], rows: list[list[str]]) -> str:
    """A table in Markdown, the first column to the left and the others to the right.

    >>> print(markdown(("net", "error %"), [["cnn", "1.07"]]))
    | net | error % |
    |---|---:|
    | cnn | 1.07 |
    """
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def mean_text(values: list[float], places: int) -> str:
    """The mean of some numbers as text, a dash for none."""
    return f"{statistics.fmean(values):.{places}f}" if values else "-"


def error_text(errors: list[float]) -> str:
    """Mean and spread of some errors as text.

    >>> error_text([1.0, 3.0]), error_text([1.0]), error_text([])
    ('2.00 ± 1.41', '1.00', 'not recorded')
    """
    if not errors:
        return "not recorded"
    mean, spread = mean_and_spread(errors)
    return f"{mean:.2f}" if len(errors) == 1 else f"{mean:.2f} ± {spread:.2f}"


def paper_text(experiment: Experiment) -> str:
    """The paper's error as text, a dash where it has none."""
    return "-" if experiment.paper_error_percent is None else f"{experiment.paper_error_percent:.1f}"
