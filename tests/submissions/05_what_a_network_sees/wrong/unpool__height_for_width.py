"""Counts places with the height."""

FAILS = "test_maps_that_are_not_square"


def unpool(pooled, switches, height, width):
    row, column = switches // height, switches % height
    image = pooled.new_zeros(*pooled.shape[:2], height * width)
    places = (row * width + column).clamp(max=height * width - 1)
    return image.scatter_add(2, places.flatten(2), pooled.flatten(2)).unflatten(2, (height, width))
