"""Divides by the 49 positions of GoogLeNet's last map."""

FAILS = "test_maps_of_any_size"


def global_average_pool(x):
    return x.sum(dim=(2, 3)) / 49
