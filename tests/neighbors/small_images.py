"""Small images for tests of nearest neighbours, and distances by loops."""

from math import sqrt

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cnncourse.neighbors import l1_distances, l2_distances

thorough = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
INTEGERS = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
DISTANCES = {"l1": l1_distances, "l2": l2_distances}


@st.composite
def image_sets(draw, dtypes=("uint8",), largest=3):
    """Test images, training images: of few different values, so that distances are often equal."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=6))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    low = -largest if dtype.kind in "if" else 0
    values = st.booleans() if dtype.kind == "b" else st.integers(low, largest)
    counts = draw(st.integers(0, 5)), draw(st.integers(1, 9))
    return tuple(draw(hnp.arrays(dtype, (n, *shape), elements=values)) for n in counts)


def loops(metric, a, b):
    """Distances by two loops over Python's own numbers, which neither wrap nor round."""
    table = np.empty((len(a), len(b)), dtype=object)
    for i, p in enumerate(a):
        for j, q in enumerate(b):
            differences = [int(x) - int(y) for x, y in zip(p.ravel(), q.ravel(), strict=True)]
            if metric == "l1":
                table[i, j] = sum(abs(d) for d in differences)
            else:
                table[i, j] = sqrt(sum(d * d for d in differences))
    return table


def pixels(*shape, largest=255, seed=0):
    return np.random.default_rng(seed).integers(0, largest + 1, shape, dtype=np.uint8)
