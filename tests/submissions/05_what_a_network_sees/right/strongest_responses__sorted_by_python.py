"""One image at a time, and Python's own sorting."""

import torch


def strongest_responses(maps, count):
    best = []
    for number, one in enumerate(maps.tolist()):
        value, row, column = max(
            ((v, r, c) for r, line in enumerate(one) for c, v in enumerate(line)), key=lambda t: t[0]
        )
        best.append((value, number, row, column))
    best = sorted(best, key=lambda t: -t[0])[:count]
    values, images, rows, columns = zip(*best)
    values = torch.tensor(values, dtype=maps.dtype, device=maps.device)
    return values, *(torch.tensor(part, device=maps.device) for part in (images, rows, columns))
