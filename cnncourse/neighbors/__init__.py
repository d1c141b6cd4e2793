"""Nearest neighbours: compare an image with every training image and copy the label of the closest.

The functions of `plain` are written for reading. `KNeighborsClassifier` is the one to use on real data.
"""

from cnncourse.neighbors.classifier import KNeighborsClassifier
from cnncourse.neighbors.plain import (
    NearestNeighbor,
    as_rows,
    cross_validate_k,
    l1_distances,
    l2_distances,
    nearest,
    vote,
)

__all__ = [
    "KNeighborsClassifier",
    "NearestNeighbor",
    "as_rows",
    "cross_validate_k",
    "l1_distances",
    "l2_distances",
    "nearest",
    "vote",
]
