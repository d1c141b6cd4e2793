"""The strongest of each row, then the strongest row; unravels nothing."""

import torch


def strongest_responses(maps, count):
    by_row, column_of_row = maps.max(2)
    values, rows = by_row.max(1)
    columns = column_of_row.gather(1, rows[:, None])[:, 0]
    values, images = torch.sort(values, descending=True, stable=True)
    images = images[:count]
    return values[:count], images, rows[images], columns[images]
