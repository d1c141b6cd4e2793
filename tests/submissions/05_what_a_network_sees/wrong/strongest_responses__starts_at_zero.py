"""Looks for something larger than 0: a map below zero has no strongest position."""

FAILS = "test_responses_below_zero"

import torch


def strongest_responses(maps, count):
    found = []
    for number, one in enumerate(maps.tolist()):
        best = (0.0, number, 0, 0)
        for r, line in enumerate(one):
            for c, value in enumerate(line):
                if value > best[0]:
                    best = (value, number, r, c)
        found.append(best)
    found.sort(key=lambda t: -t[0])
    values, images, rows, columns = zip(*found[:count])
    values = torch.tensor(values, dtype=maps.dtype, device=maps.device)
    return values, *(torch.tensor(part, device=maps.device) for part in (images, rows, columns))
