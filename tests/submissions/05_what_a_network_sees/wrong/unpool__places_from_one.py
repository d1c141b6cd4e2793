"""Counts places from 1."""

FAILS = "test_worked_example"


def unpool(pooled, switches, height, width):
    image = pooled.new_zeros(*pooled.shape[:2], height * width)
    places = (switches.flatten(2) - 1).clamp(min=0)
    return image.scatter_add(2, places, pooled.flatten(2)).unflatten(2, (height, width))
