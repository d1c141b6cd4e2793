"""Sorts upwards and reverses: of equal images the last comes first."""

FAILS = "test_ties_go_to_the_lower_image"


def strongest_responses(maps, count):
    width = maps.shape[2]
    values, positions = maps.flatten(1).max(dim=1)
    images = values.argsort(stable=True).flip(0)[:count]
    return values[images], images, positions[images] // width, positions[images] % width
