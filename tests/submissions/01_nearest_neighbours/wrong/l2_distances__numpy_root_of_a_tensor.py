"""Takes numpy's root whatever it is given."""

FAILS = "test_tensors_stay_tensors"

import numpy as np


def l2_distances(a, b):
    a, b = np.asarray(as_rows(a)), np.asarray(as_rows(b))
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))
