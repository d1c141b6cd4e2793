"""The mean of the columns only."""

FAILS = "test_worked_example"


def global_average_pool(x):
    return x.mean(dim=3)
