"""The sum for the mean."""

FAILS = "test_worked_example"


def global_average_pool(x):
    return x.sum(dim=(2, 3))
