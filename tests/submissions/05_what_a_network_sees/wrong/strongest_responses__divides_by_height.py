"""Counts positions by columns: divides by the height where the width belongs."""

FAILS = "test_rows_and_columns"


def strongest_responses(maps, count):
    height = maps.shape[1]
    values, positions = maps.flatten(1).max(dim=1)
    images = values.argsort(descending=True, stable=True)[:count]
    return values[images], images, positions[images] // height, positions[images] % height
