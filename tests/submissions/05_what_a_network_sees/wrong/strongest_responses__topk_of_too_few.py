"""Calls topk, which refuses to find more than there are, and shuffles equal values."""

FAILS = "test_more_than_there_are"


def strongest_responses(maps, count):
    width = maps.shape[2]
    best, positions = maps.flatten(1).max(dim=1)
    values, images = best.topk(count)
    return values, images, positions[images] // width, positions[images] % width
