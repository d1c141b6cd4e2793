"""Ranks images by their mean response: a large weak patch beats a small strong one."""

FAILS = "test_agrees_with_the_definition"


def strongest_responses(maps, count):
    width = maps.shape[2]
    values, positions = maps.flatten(1).max(dim=1)
    images = maps.flatten(1).mean(1).argsort(descending=True, stable=True)[:count]
    return values[images], images, positions[images] // width, positions[images] % width
