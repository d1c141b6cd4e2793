"""Boolean masks and a loop over k outside."""

import numpy as np


def cross_validate_k(images, labels, ks, folds=5):
    if folds < 2 or folds > len(images):
        raise ValueError("folds")
    n = len(images)
    bounds = np.cumsum([0] + [n // folds + (f < n % folds) for f in range(folds)])
    table = []
    for k in ks:
        row = []
        for first, last in zip(bounds[:-1], bounds[1:]):
            judge = np.ones(n, dtype=bool)
            judge[first:last] = False
            d = l1_distances(images[first:last], images[judge])
            guess = vote(labels[judge][nearest(d, k)[0]])
            row.append(
                sum(g == t for g, t in zip(guess.tolist(), labels[first:last].tolist())) / int(last - first)
            )
        table.append(row)
    return np.array(table, dtype=np.float64)
