"""Of equal values in a map it takes the last."""

FAILS = "test_ties_in_an_image_go_to_the_upper_left"


def strongest_responses(maps, count):
    width = maps.shape[2]
    values, positions = maps.flatten(1).flip(1).max(dim=1)
    positions = maps[0].numel() - 1 - positions
    images = values.argsort(descending=True, stable=True)[:count]
    return values[images], images, positions[images] // width, positions[images] % width
