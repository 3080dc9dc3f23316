"""Exercise 2 of notebook 7, means of blocks: its wrong answers and its checker."""

import statistics
from collections.abc import Callable

import numpy
import torch

from .verdict import Mistake, Verdict, compare


def blocks(values: list[float], size: int) -> list[list[float]]:
    """Consecutive blocks of `size` values; the last may be shorter."""
    return [values[start : start + size] for start in range(0, len(values), size)]


def right_means(values: list[float], size: int) -> list[float]:
    """What `block_means` is to answer."""
    return of_blocks(statistics.fmean)(values, size)


def of_blocks(number: Callable) -> Callable:
    """A `block_means` that takes another number from each block."""
    return lambda values, size: [number(block) for block in blocks(values, size)]


def first_alone(values: list[float], size: int) -> list[float]:
    """Blocks that end with each multiple of `size`, 0 included."""
    return [statistics.fmean(block) for block in [values[:1], *blocks(values[1:], size)]]


def rest_joined(values: list[float], size: int) -> list[float]:
    """Full blocks, and a rest that is joined to the last one."""
    full = len(values) // size
    return [*right_means(values[: (full - 1) * size], size), statistics.fmean(values[(full - 1) * size :])]


MEANS_MISTAKES = [
    Mistake(
        "last block dropped",
        lambda values, size: [sum(block) / size for block in blocks(values, size) if len(block) == size],
        "the last block is dropped when it is not full.",
    ),
    Mistake(
        "divided by size",
        lambda values, size: [sum(block) / size for block in blocks(values, size)],
        "a short last block has fewer values: by what is its sum to be divided?",
    ),
    Mistake(
        "moving average",
        lambda values, size: [sum(values[k : k + size]) / size for k in range(len(values) - size + 1)],
        "blocks that overlap are a moving average: where does the next block begin?",
    ),
    Mistake(
        "moving average to the end",
        lambda values, size: [statistics.fmean(values[k : k + size]) for k in range(len(values))],
        "blocks that overlap are a moving average: where does the next block begin?",
    ),
    Mistake("best of each block", of_blocks(max), "that is the best of each block, the luck that the means are to take out."),
    Mistake("worst of each block", of_blocks(min), "that is the worst of each block: the mean is wanted."),
    Mistake(
        "first of each block", of_blocks(lambda block: block[0]), "that is the first of each block: the others count, too."
    ),
    Mistake("last of each block", of_blocks(lambda block: block[-1]), "that is the last of each block: the others count, too."),
    Mistake("sum", of_blocks(sum), "that is the sum of each block: a mean is divided by how many there are."),
    Mistake("median", of_blocks(statistics.median), "that is the median of each block: the mean is wanted."),
    Mistake("the blocks", blocks, "those are the blocks themselves: one number of each is wanted, its mean."),
    Mistake(
        "one mean for all",
        lambda values, size: statistics.fmean(values),
        "that is one mean for all values: there is one for each block.",
    ),
    Mistake(
        "first block only",
        lambda values, size: statistics.fmean(values[:size]),
        "that is the mean of the first block alone: does `return` stand within the loop?",
    ),
    Mistake(
        "list of the first mean",
        lambda values, size: right_means(values, size)[:1],
        "that is the first mean alone: does `return` stand within the loop?",
    ),
    Mistake(
        "running mean",
        lambda values, size: [
            statistics.fmean(values[: min(start + size, len(values))]) for start in range(0, len(values), size)
        ],
        "each of your means begins at the first value: a block begins where the last one ended.",
    ),
    Mistake(
        "to the end",
        lambda values, size: [statistics.fmean(values[start:]) for start in range(0, len(values), size)],
        "each of your blocks runs to the end of the list: where does it stop?",
    ),
    Mistake(
        "one value short",
        lambda values, size: [sum(b[: size - 1]) / max(1, len(b[: size - 1])) for b in blocks(values, size)],
        "each block lacks its last value: a slice ends before its second number.",
    ),
    Mistake(
        "one value too many",
        lambda values, size: [statistics.fmean(values[start : start + size + 1]) for start in range(0, len(values), size)],
        "each block has a value of the next one: a slice ends before its second number.",
    ),
    Mistake(
        "every size-th value",
        lambda values, size: [statistics.fmean(values[k::size]) for k in range(size)],
        "your blocks take every size-th value: those of a block follow one another.",
    ),
    Mistake(
        "that many blocks",
        lambda values, size: right_means(values, -(-len(values) // size)),
        "you made `size` blocks: `size` is how many values a block has.",
    ),
    Mistake(
        "rounded",
        of_blocks(lambda block: sum(block) // len(block)),
        "the fraction is gone: // rounds downwards.",
    ),
    Mistake(
        "repeated",
        lambda values, size: [mean for block in blocks(values, size) for mean in [statistics.fmean(block)] * len(block)],
        "each mean comes as often as its block has values: once is enough.",
    ),
    Mistake(
        "one block too many",
        lambda values, size: [sum(values[k * size : (k + 1) * size]) / size for k in range(len(values) // size + 1)],
        "where the blocks come out even, yours has an empty one at the end; and a short one has fewer values than `size`.",
    ),
    Mistake(
        "empty block at the end",
        lambda values, size: right_means(values, size) + [0.0] * (len(values) % size == 0),
        "where the blocks come out even, yours has an empty one at the end.",
    ),
    Mistake(
        "slice from k times size to k plus size",
        lambda values, size: [sum(values[k * size : k + size]) / size for k in range(len(values) // size)],
        "your slice begins at k * size and ends at k + size: both ends go on by `size`. And what is left over at the end?",
    ),
    Mistake(
        "as many rows as a block has values",
        lambda values, size: torch.tensor(values).view(size, -1).mean(dim=1),
        "`view(size, -1)` makes `size` rows: a row shall have `size` values, and the last one may be short.",
    ),
    Mistake(
        "range ends too early",
        lambda values, size: [statistics.fmean(values[k : k + size]) for k in range(0, len(values) - size, size)],
        "your last block is missing, even where it is full: a range ends before its second number.",
    ),
    Mistake(
        "begins at 1",
        lambda values, size: [statistics.fmean(values[k : k + size]) for k in range(1, len(values), size)],
        "the first value is missing: a list begins at 0.",
    ),
    Mistake(
        "sum never set back",
        lambda values, size: [sum(values[:end]) / size for end in range(size, len(values) + 1, size)],
        "the sum is never set back to 0: each of your blocks holds all the values before it. And a short one at the end?",
    ),
    Mistake(
        "first value alone",
        first_alone,
        "your first block ends after one value: `k % size == 0` holds for k = 0, too.",
    ),
    Mistake(
        "rest joined to the last block",
        rest_joined,
        "what is left over makes a block of its own: you joined it to the one before.",
    ),
    Mistake(
        "array_split, that many blocks",
        lambda values, size: [float(block.mean()) for block in numpy.array_split(values, size)],
        "`array_split` takes how many blocks there shall be: `size` is how many values a block has.",
    ),
    Mistake(
        "array_split, even blocks",
        lambda values, size: [float(block.mean()) for block in numpy.array_split(values, -(-len(values) // size))],
        "`array_split` makes blocks that are as even as can be: here all are full but the last.",
    ),
    Mistake(
        "slice to size",
        lambda values, size: [sum(values[k:size]) / size for k in range(0, len(values), size)],
        "the second number of a slice is where it ends, not how long it is.",
    ),
    Mistake(
        "middle of first and last",
        of_blocks(lambda block: (block[0] + block[-1]) / 2),
        "that is half way between the first and the last of each block: the others count, too.",
    ),
    Mistake(
        "whole numbers", of_blocks(lambda block: round(statistics.fmean(block))), "the means are rounded to whole numbers."
    ),
    Mistake(
        "two places", of_blocks(lambda block: round(statistics.fmean(block), 2)), "the means are rounded: round when you print."
    ),
    Mistake(
        "list in a list",
        of_blocks(lambda block: [statistics.fmean(block)]),
        "each mean stands in a list of its own: one list of numbers is wanted.",
    ),
    Mistake(
        "last mean only",
        lambda values, size: right_means(values, size)[-1],
        "that is the last mean alone: each one must be kept, in a list.",
    ),
]


def check_block_means(function: Callable) -> Verdict:
    """`block_means(values, size)`: the mean of each block of `size` values; the last block may be shorter.

    >>> check_block_means(lambda values, size: values[::size]).message[:33]
    'that is the first of each block: '
    """
    generator = torch.Generator().manual_seed(0)
    cases = [
        dict(values=(100 * torch.rand(n, generator=generator)).tolist(), size=size)
        for n, size in ((50, 10), (12, 4), (7, 3), (5, 1))
    ]
    return compare(function, cases, right_means, MEANS_MISTAKES)
