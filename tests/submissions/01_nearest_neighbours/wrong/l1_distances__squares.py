"""Squares the differences: that is L2 without its root."""

FAILS = "test_worked_example"


def l1_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    return ((a[:, None] - b[None]) ** 2).sum(-1)
