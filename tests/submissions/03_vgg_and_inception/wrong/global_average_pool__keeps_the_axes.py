"""Keeps height and width as axes of length 1."""

FAILS = "test_worked_example"


def global_average_pool(x):
    return x.mean(dim=(2, 3), keepdim=True)
