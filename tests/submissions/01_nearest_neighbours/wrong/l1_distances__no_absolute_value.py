"""Adds the differences without their absolute values."""

FAILS = "test_worked_example"


def l1_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    return (a[:, None] - b[None]).sum(-1)
