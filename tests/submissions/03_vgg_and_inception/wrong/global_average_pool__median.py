"""The median for the mean."""

FAILS = "test_worked_example"


def global_average_pool(x):
    return x.flatten(2).median(-1).values
