"""Measured numbers: curves with the spread of their repetitions, and bars."""

from collections.abc import Mapping, Sequence

import numpy as np

from cnncourse.visualize.figure import BLUE, COLOURS, DASHES, MARKS, subplots


def curves(
    x: Sequence[float],
    series: Mapping[str, np.ndarray],
    xlabel: str,
    ylabel: str,
    logx: bool = False,
    ticks: Sequence[float] | None = None,
    chance: float | None = None,
    size: tuple[float, float] = (5.5, 4),
):
    """A line for each series: the mean of its repetitions, in a band from the least to the greatest.

    Args:
        x: [P].
        series: name -> float [P] or, repeated, [R, P].
        logx: a logarithmic axis.
        ticks: where x has ticks; on a logarithmic axis by default at every point.
        chance: what guessing reaches, drawn as a thin line.
    """
    figure, axes = subplots(1, 1, size)
    ax = axes[0, 0]
    for number, (name, values) in enumerate(series.items()):
        values = np.atleast_2d(values)
        look = {
            "color": COLOURS[number % len(COLOURS)],
            "linestyle": DASHES[number % len(DASHES)],
            "marker": MARKS[number % len(MARKS)],
        }
        ax.plot(x, values.mean(0), label=name, **look)
        ax.fill_between(x, values.min(0), values.max(0), color=look["color"], alpha=0.2, linewidth=0)
    if chance is not None:
        ax.axhline(chance, color="#555555", linewidth=1, linestyle=":")
        ax.annotate("guessing", (x[0], chance), fontsize=11, va="bottom", color="#555555")
    if logx:
        ax.set_xscale("log")
        ticks = x if ticks is None else ticks
        ax.minorticks_off()
    if ticks is not None:
        ax.set_xticks(ticks, [f"{value:,}" for value in ticks])
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(series) > 1:
        figure.legend(loc="outside upper center", ncols=2, frameon=False, handlelength=3.2)
    return figure


def bars(values: Mapping[str, Sequence[float]], xlabel: str, reference: float | None = None, size=None):
    """Horizontal bars of the means of repeated values, the single ones as dots.

    Args:
        values: name -> float [R].
        reference: a line to compare with.
    """
    figure, axes = subplots(1, 1, size or (5.5, 0.5 * len(values) + 0.9))
    ax = axes[0, 0]
    for row, repeated in enumerate(values.values()):
        ax.barh(row, np.mean(repeated), color=BLUE, alpha=0.75, height=0.65)
        ax.plot(repeated, [row] * len(repeated), "o", color="black", markersize=3.5)
        ax.annotate(
            f"{np.mean(repeated):.2f}",
            (max(repeated), row),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
        )
    if reference is not None:
        ax.axvline(reference, color="#555555", linewidth=1, linestyle="--")
    ax.set_yticks(range(len(values)), list(values))
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.set_xlabel(xlabel)
    return figure
