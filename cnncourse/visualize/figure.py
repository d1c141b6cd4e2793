"""One look for all figures."""

BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY, YELLOW = COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#D55E00",
    "#56B4E9",
    "#F0E442",
)
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
MARKS = ("o", "s", "^", "D", "v", "P")

_STYLE = {
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "lines.linewidth": 2,
    "lines.markersize": 6,
    "figure.facecolor": "white",
}


def subplots(rows: int = 1, columns: int = 1, size: tuple[float, float] = (6, 4), **options):
    """A Figure and its array of axes [rows, columns]; size in inches.

    The figure is closed at once: pyplot forgets it, so that a notebook shows it once and memory does not fill.
    """
    import matplotlib.pyplot as plt

    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(
            rows, columns, figsize=size, dpi=160, squeeze=False, layout="constrained", **options
        )
    plt.close(figure)
    return figure, axes
