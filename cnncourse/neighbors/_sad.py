"""The nearest rows of bytes in the L1 distance, as fast as the processor can add: needs numba.

Processors add up absolute differences of bytes in one instruction (x86: psadbw, 32 bytes at a time with AVX2).
A compiler finds it only in code of exactly the right types, and numba's arithmetic turns small integers into
64-bit ones. The innermost loop is therefore written in LLVM's own language, in which the types are ours; it
names no instruction, so it also runs where there is no psadbw. `make bench` looks for it.

The rest is keeping the data near. Four queries are compared with two rows at once, so that eight sums need six
loads; a tile of rows stays in the second-level cache while all queries pass.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numba
import numpy as np
import torch
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

QUERIES, ROWS, WIDTH = 4, 2, 32  # eight sums and six operands: as many as fit AVX2's sixteen registers
TILE_BYTES = 128 * 1024  # half of a small second-level cache
QUERIES_AT_ONCE = 1024
KEY_BYTES = 64 * 2**20
MAX_VALUES = (2**32 - 1) // 255  # a sum has 32 bits


def compiled(function):
    """Compile, and remember the machine code between runs where there is a place to write it."""
    try:
        return numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return numba.njit(nogil=True)(function)


@intrinsic
def block_of_sums(typing, queries, q, rows, r):
    """Sums of absolute differences of queries[q : q+4] and rows[r : r+2], as eight 32-bit numbers.

    Both arrays are uint8, C-contiguous and equally wide, a multiple of 32.
    """
    signature = numba.types.UniTuple(numba.uint32, QUERIES * ROWS)(queries, q, rows, r)
    number = ir.IntType(32)
    narrow, wide = ir.VectorType(ir.IntType(8), WIDTH), ir.VectorType(number, WIDTH)
    zero = ir.Constant(wide, None)

    def codegen(context, builder, signature, arguments):
        queries, q, rows, r = arguments
        queries = context.make_array(signature.args[0])(context, builder, queries)
        rows = context.make_array(signature.args[2])(context, builder, rows)
        width = builder.extract_value(queries.shape, 1)

        def load(array, index, offset, position):
            row = builder.add(index, ir.Constant(index.type, offset))
            address = builder.gep(array.data, [builder.add(builder.mul(row, width), position)])
            return builder.zext(builder.load(builder.bitcast(address, narrow.as_pointer()), align=1), wide)

        totals = [cgutils.alloca_once_value(builder, zero) for _ in range(QUERIES * ROWS)]
        start, step = ir.Constant(width.type, 0), ir.Constant(width.type, WIDTH)
        with cgutils.for_range_slice(builder, start, width, step) as (d, _):
            ours = [load(queries, q, i, d) for i in range(QUERIES)]
            theirs = [load(rows, r, j, d) for j in range(ROWS)]
            for total, (x, y) in zip(totals, product(ours, theirs), strict=True):
                difference = builder.sub(x, y)
                negative = builder.icmp_signed("<", difference, zero)
                absolute = builder.select(negative, builder.sub(zero, difference), difference)
                builder.store(builder.add(builder.load(total), absolute), total)
        add_up = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(number, [wide]), f"llvm.vector.reduce.add.v{WIDTH}i32"
        )
        sums = [builder.call(add_up, [builder.load(total)]) for total in totals]
        return context.make_tuple(builder, signature.return_type, sums)

    return signature, codegen


@compiled
def replace_largest(heap, key):
    """Put `key` in the place of the heap's largest entry, heap[0], and restore the heap's order."""
    parent, child = 0, 1
    while child < len(heap):
        if child + 1 < len(heap) and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= key:
            break
        heap[parent] = heap[child]
        parent, child = child, 2 * child + 1
    heap[parent] = key


@compiled
def scan(queries, rows, count, first, heaps):
    """Offer the first `count` rows of a tile, whose numbers begin at `first`, to the heap of every query.

    A key holds the distance in its upper half and the row's number in its lower: of equal distances the lower
    number is the smaller key.
    """
    for q in range(0, len(queries), QUERIES):
        for r in range(0, len(rows), ROWS):
            sums = block_of_sums(queries, q, rows, r)
            for i in range(QUERIES):
                for j in range(ROWS):
                    key = (np.uint64(sums[i * ROWS + j]) << np.uint64(32)) | np.uint64(first + r + j)
                    if r + j < count and key < heaps[q + i, 0]:
                        replace_largest(heaps[q + i], key)


def padded(rows, multiple):
    """A copy with zeros, to a multiple of rows and of the vector's width; zeros add nothing to a sum."""
    shape = -(-len(rows) // multiple) * multiple, -(-rows.shape[1] // WIDTH) * WIDTH
    copy = np.zeros(shape, np.uint8)
    copy[: len(rows), : rows.shape[1]] = rows
    return copy


def best_of_part(train, begin, end, queries, k):
    """The keys of the k nearest of train[begin:end], for each (padded) query, in no order."""
    heaps = np.full((len(queries), min(k, end - begin)), np.iinfo(np.uint64).max, np.uint64)
    step = max(ROWS, TILE_BYTES // max(queries.shape[1], 1) // ROWS * ROWS)
    for first in range(begin, end, step):
        rows = train[first : min(first + step, end)]
        scan(queries, padded(rows, ROWS), len(rows), first, heaps)
    return heaps


def nearest_bytes(train, queries, k):
    """The k nearest training rows of each query, nearest first, of equal ones the lower index first.

    The training rows are shared out among as many threads as torch uses; each finds its own k best.

    Args:
        train: uint8 [N, D], N < 2**32 and D <= MAX_VALUES.
        queries: uint8 [M, D].
        k: 1 to N.

    Returns:
        (indices, distances), both int64 [M, k].
    """
    threads = torch.get_num_threads()
    parts = max(1, min(4 * threads, len(train) // 256))
    edges = np.linspace(0, len(train), parts + 1).astype(int).tolist()
    step = min(QUERIES_AT_ONCE, max(QUERIES, KEY_BYTES // (8 * parts * k)))
    keys = np.empty((len(queries), k), np.uint64)
    with ThreadPoolExecutor(threads) as pool:
        for q in range(0, len(queries), step):
            some = queries[q : q + step]
            block = padded(some, QUERIES)
            best = pool.map(lambda b, e, block=block: best_of_part(train, b, e, block, k), edges, edges[1:])
            keys[q : q + step] = np.sort(np.concatenate(list(best), axis=1)[: len(some)])[:, :k]
    return (keys & np.uint64(2**32 - 1)).astype(np.int64), (keys >> np.uint64(32)).astype(np.int64)
