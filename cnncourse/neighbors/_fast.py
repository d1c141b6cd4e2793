"""The nearest neighbours fast and in bounded memory: what `KNeighborsClassifier` runs.

Bytes in the L1 distance go to the compiled kernel of `_sad`, where numba is installed and the images
are in main memory. Everything else is compared chunk by chunk by torch on the device of the images, integers
in a type in which every sum comes out exactly.
"""

import warnings
from functools import cache, partial

import numpy as np
import torch

QUERIES = 256
CHUNK_BYTES = 32 * 2**20
SORTING_BYTES = 64  # for each distance, while the best are sorted out: itself and its index, several times


@cache
def kernel():
    """The module with the compiled kernel, or None without numba."""
    try:
        from cnncourse.neighbors import _sad
    except ImportError:
        return None
    return None if _sad.numba.config.DISABLE_JIT else _sad


def as_tensor(images, name):
    """Flatten images into rows of one of the types that are compared here.

    Args:
        images: numpy array or torch tensor [N, ...], or what numpy makes an array of.
        name: what to call them in an error.

    Returns:
        Tensor [N, D]: uint8 (bytes, bools), int64, float32 (also for half precision) or float64. It shares the
        memory of the images where these are contiguous and of such a type.

    Raises:
        TypeError: when these are no real numbers, or longer ones than torch has.
        ValueError: when a number does not fit into 64 signed bits, or there is no axis of images.
    """
    if not isinstance(images, torch.Tensor):
        images = np.asarray(images)
        if images.dtype.kind not in "buif" or images.dtype.itemsize > 8:
            raise TypeError(
                f"the {name} are of type {images.dtype}: expected integers, or floats up to 64 bits"
            )
        with warnings.catch_warnings():  # that the array cannot be written: nobody is going to
            warnings.simplefilter("ignore", UserWarning)
            native = images.dtype.newbyteorder("=")
            images = torch.from_numpy(np.ascontiguousarray(images, native).reshape(images.shape))
    if images.is_complex() or images.is_quantized:
        raise TypeError(f"the {name} are of type {images.dtype}: expected integers or floats")
    if images.ndim == 0:
        raise ValueError(f"the {name} are a single number: expected an array of images, [N, ...]")
    rows = images.detach().reshape(len(images), int(np.prod(images.shape[1:])))
    if rows.is_floating_point():
        return rows.to(torch.float64 if rows.dtype == torch.float64 else torch.float32)
    if rows.dtype in (torch.bool, torch.uint8):
        return rows.to(torch.uint8)
    whole = rows.to(torch.int64)
    if rows.dtype == torch.uint64 and bool((whole < 0).any()):
        raise ValueError(f"the {name} hold a number above {2**63 - 1}, the largest that is compared exactly")
    return whole


def search(train, queries, k, metric):
    """The k nearest training rows of each query, nearest first, of equal ones the lower index first.

    Args:
        train, queries: rows [N, D] and [M, D] from `as_tensor`, on one device.
        k: 1 to N.
        metric: "l1" or "l2".

    Returns:
        (indices, distances), both [M, k], on the device of the rows: int64, and the type of the floats or,
        for integers, int64 (L1) or float64 (L2). The L2 distances of integers are still squared: torch and
        numpy round roots differently, and the caller knows whose images these are.

    Raises:
        ValueError: when integers are so large that their distances do not fit into 64 bits.
    """
    if metric == "l1" and _fits_kernel(train, queries):
        return tuple(map(torch.from_numpy, kernel().nearest_bytes(train.numpy(), queries.numpy(), k)))
    dtype, result, compare = _comparison(train, queries, metric)
    step = max(1, CHUNK_BYTES // max(dtype.itemsize * train.shape[1], SORTING_BYTES * QUERIES))
    indices = torch.empty(len(queries), k, dtype=torch.int64, device=queries.device)
    distances = torch.empty(len(queries), k, dtype=result, device=queries.device)
    for q in range(0, len(queries), QUERIES):
        some = queries[q : q + QUERIES].to(dtype)
        best = torch.empty(len(some), 0, dtype=result, device=some.device)
        numbers = torch.empty(len(some), 0, dtype=torch.int64, device=some.device)
        for t in range(0, len(train), step):
            new = compare(some, train[t : t + step].to(dtype)).to(result)
            new_numbers = torch.arange(t, t + new.shape[1], device=new.device).expand(new.shape)
            best, order = torch.cat([best, new], 1).sort(dim=1, stable=True)
            numbers = torch.cat([numbers, new_numbers], 1).take_along_dim(order[:, :k], 1)
            best = best[:, :k]
        indices[q : q + QUERIES], distances[q : q + QUERIES] = numbers, best
    return indices, distances


def _fits_kernel(train, queries):
    bytes_in_memory = all(
        rows.dtype == torch.uint8 and rows.device.type == "cpu" for rows in (train, queries)
    )
    return bytes_in_memory and kernel() and train.shape[1] <= kernel().MAX_VALUES and len(train) < 2**32


def _comparison(train, queries, metric):
    """How to compare these rows: the type to compare in, the type of the result, a function of two chunks.

    A float holds integers exactly up to 2^24 (float32) or 2^53 (float64), so as long as no sum exceeds that,
    sums of integers in floats are exact in whatever order they are taken.
    """
    dtype = torch.promote_types(train.dtype, queries.dtype)
    if dtype.is_floating_point:
        # In float64, for cdist adds one value after the other: in float32 a million of them lose the fourth digit.
        # Matrix multiplication would be faster, but cancels digits.
        p = {"l1": 1, "l2": 2}[metric]
        return torch.float64, dtype, partial(torch.cdist, p=p, compute_mode="donot_use_mm_for_euclid_dist")
    d, (low, high) = train.shape[1], _extremes(train, queries)
    if metric == "l1":
        largest = d * (high - low)
        if largest <= 2**53:
            return (
                torch.float32 if largest <= 2**24 else torch.float64,
                torch.int64,
                partial(torch.cdist, p=1),
            )
        compare, result = _integer_l1, torch.int64
    else:
        largest = d * (high - low) ** 2
        if 2 * d * max(abs(low), abs(high)) ** 2 <= 2**53:
            return torch.float64, torch.float64, _squares_by_products
        compare, result = _integer_squares, torch.float64
    if largest >= 2**63:
        raise ValueError(
            f"distances of up to {largest} do not fit into 64 bits: scale the images, or use floats"
        )
    return torch.int64, result, compare


def _extremes(*arrays):
    if all(rows.dtype == torch.uint8 for rows in arrays):
        return 0, 255
    filled = [rows for rows in arrays if rows.numel()] or [torch.zeros(1)]
    return min(int(rows.min()) for rows in filled), max(int(rows.max()) for rows in filled)


def _squares_by_products(a, b):
    """|p - q|² = |p|² + |q|² - 2 pq: three exact sums, and a matrix product is what processors do best."""
    return (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T


def _integer_l1(a, b):
    return torch.stack([(row - b).abs().sum(1) for row in a])


def _integer_squares(a, b):
    return torch.stack([((row - b) ** 2).sum(1) for row in a])
