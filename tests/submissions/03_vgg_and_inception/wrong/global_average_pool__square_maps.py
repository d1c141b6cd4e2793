"""Divides by the square of the height."""

FAILS = "test_maps_of_any_size"


def global_average_pool(x):
    return x.sum(dim=(2, 3)) / x.shape[2] ** 2
