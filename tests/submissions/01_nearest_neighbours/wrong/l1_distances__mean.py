"""Takes the mean of the differences instead of their sum."""

FAILS = "test_worked_example"


def l1_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    return abs(a[:, None] - b[None]).mean(-1)
