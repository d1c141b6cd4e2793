"""Takes the strongest positions of all: one image may fill the whole list."""

FAILS = "test_an_image_counts_once"


def strongest_responses(maps, count):
    height, width = maps.shape[1:]
    values, where = maps.flatten().sort(descending=True, stable=True)
    values, where = values[:count], where[:count]
    inside = where % (height * width)
    return values, where // (height * width), inside // width, inside % width
