"""Figures that the book and the labs share.

Every function returns a matplotlib Figure: as the last line of a notebook cell it is shown. Sizes are chosen to be
readable at a phone's width, colours (Okabe and Ito's) for readers who do not tell red from green; what a colour says,
a dash, a mark or a word says too.
"""

from cnncourse.visualize.curves import bars, curves
from cnncourse.visualize.images import image_grid, labelled_grid, neighbors_figure
from cnncourse.visualize.numbers import number_grids, pixel_numbers
from cnncourse.visualize.scenes import boxes_figure, mask_figure

__all__ = [
    "bars",
    "boxes_figure",
    "curves",
    "image_grid",
    "labelled_grid",
    "mask_figure",
    "neighbors_figure",
    "number_grids",
    "pixel_numbers",
]
