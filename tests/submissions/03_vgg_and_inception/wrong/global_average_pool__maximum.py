"""The largest value for the mean."""

FAILS = "test_worked_example"


def global_average_pool(x):
    return x.amax(dim=(2, 3))
