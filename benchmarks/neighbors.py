"""The ten nearest of 50,000 images in the L1 distance: ours beside OpenCV, faiss, scikit-learn, torch and scipy.

Every contestant runs in a process of its own (`python -m benchmarks.neighbors NAME QUERIES` is one), so that its
peak memory can be told. Times are of the search alone: converting the bytes to the floats that some need, and
building an index, is not counted. Memory is counted from before that.
"""

import importlib.util
import json
import os
import platform
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks import Result

TRAINING, VALUES, NEIGHBOURS = 50_000, 3072, 10
MANY, SOME, FEW = 10_000, 100, 2


def ours(train):
    from cnncourse.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(NEIGHBOURS).fit(train, np.zeros(len(train)))
    return lambda queries: classifier.kneighbors(queries)[0]


def ours_without_numba(train):
    from unittest import mock

    search = ours(train)

    def without(queries):
        with mock.patch("cnncourse.neighbors._fast.kernel", lambda: None):
            return search(queries)

    return without


def plain(train):
    from cnncourse.neighbors import l1_distances, nearest

    return lambda queries: nearest(l1_distances(queries, train), NEIGHBOURS)[1]


def opencv(train):
    import cv2

    matcher = cv2.BFMatcher(cv2.NORM_L1)
    return lambda queries: [
        [m.distance for m in row] for row in matcher.knnMatch(queries, train, k=NEIGHBOURS)
    ]


def faiss(train):
    import faiss

    floats = train.astype(np.float32)
    return lambda queries: faiss.knn(queries.astype(np.float32), floats, NEIGHBOURS, metric=faiss.METRIC_L1)[
        0
    ]


def scikit_learn(train):
    from sklearn.neighbors import NearestNeighbors

    brute = NearestNeighbors(n_neighbors=NEIGHBOURS, metric="manhattan", algorithm="brute")
    brute.fit(train.astype(np.float32))
    return lambda queries: brute.kneighbors(queries.astype(np.float32))[0]


def torch_cdist(train):
    import torch

    floats = torch.from_numpy(train).float()
    return lambda queries: (
        torch.cdist(torch.from_numpy(queries).float(), floats, p=1)
        .topk(NEIGHBOURS, largest=False)
        .values.numpy()
    )


def scipy_cdist(train):
    from scipy.spatial.distance import cdist

    floats = train.astype(np.float64)
    return lambda queries: np.sort(
        np.partition(cdist(queries, floats, "cityblock"), NEIGHBOURS)[:, :NEIGHBOURS]
    )


# name: (how, the package it needs, how many queries)
CONTESTANTS = {
    "ours": (ours, "numba", SOME),
    "ours, more queries": (ours, "numba", MANY),
    "ours, without numba": (ours_without_numba, "torch", SOME),
    "ours, plain": (plain, "torch", FEW),
    "OpenCV NORM_L1": (opencv, "cv2", SOME),
    "faiss METRIC_L1": (faiss, "faiss", SOME),
    "scikit-learn": (scikit_learn, "sklearn", SOME),
    "torch.cdist": (torch_cdist, "torch", SOME),
    "scipy cdist": (scipy_cdist, "scipy", SOME),
}


def run() -> Result:
    """Measure everyone and compare: times, memory, answers."""
    rows, notes, failures, answers = [], [], [], {}
    for name, (_, package, count) in CONTESTANTS.items():
        if importlib.util.find_spec(package) is None:
            notes.append(f"Missing: {name} needs the package {package}, which is not installed.")
            continue
        measured = in_process(name)
        answers[name] = np.array(measured["distances"])
        rows.append(
            {
                "who": name,
                "queries": count,
                "s": measured["seconds"],
                "s/100": measured["seconds"] * 100 / count,
                "+MB": measured["beyond"],
                "MB": measured["peak"],
            }
        )
    per_100 = {row["who"]: row["s/100"] for row in rows}
    fastest = min((name for name in per_100 if not name.startswith("ours")), key=per_100.get)
    truth = answers["ours, without numba"]  # the plain functions are too slow for all of them
    for row in rows:
        row["×"] = per_100[row["who"]] / per_100[fastest]
        row["answers"] = "agree" if np.array_equal(answers[row["who"]], truth[: row["queries"]]) else "DIFFER"
        if row["answers"] == "DIFFER":
            failures.append(f"{row['who']} finds other distances.")
    notes.append(
        f"s/100: seconds for 100 queries; +MB: peak beyond images and imports; ×: time over that of {fastest}. "
        "Peers' conversions to floats and indices are not timed."
    )
    found, instruction = packed_instruction()
    if instruction:
        (notes if found else failures).append(
            f"{instruction} is {'in' if found else 'NOT in'} the kernel's machine code ({found} times)."
        )
    title = f"The {NEIGHBOURS} nearest of {TRAINING:,} × {VALUES} bytes in the L1 distance"
    return Result(title, rows, notes, failures)


def packed_instruction() -> tuple[int, str]:
    """How often the kernel's machine code has the processor's packed sum of absolute differences; its name."""
    pattern = {"x86_64": r"psadbw", "AMD64": r"psadbw", "aarch64": r"\b[us]?(?:abd|abal|abdl)2?\b"}
    if importlib.util.find_spec("numba") is None or platform.machine() not in pattern:
        return 0, ""
    import numba

    from cnncourse.neighbors._sad import scan

    fresh = numba.njit(scan.py_func)  # machine code from the cache cannot be read
    keys = np.full((4, 1), np.iinfo(np.uint64).max, np.uint64)
    fresh(np.zeros((4, 32), np.uint8), np.zeros((2, 32), np.uint8), 2, 0, keys)
    code = "".join(fresh.inspect_asm().values())
    found = re.findall(pattern[platform.machine()], code)
    return len(found), found[0] if found else pattern[platform.machine()]


def in_process(name: str) -> dict:
    command = [sys.executable, "-m", "benchmarks.neighbors", name]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(name: str) -> dict:
    """In a process of its own: the best of three searches (of one, if it is slow), and memory in MB."""
    prepare, _, count = CONTESTANTS[name]
    rng = np.random.default_rng(0)
    train = rng.integers(0, 256, (TRAINING, VALUES), dtype=np.uint8)
    queries = rng.integers(0, 256, (count, VALUES), dtype=np.uint8)
    prepare(train[:20])(queries[:2])  # imports, compiles, starts threads
    before = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    search, times = prepare(train), []
    while len(times) < 3 and sum(times) < 10:
        start = time.perf_counter()
        distances = search(queries)
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    shown = np.asarray(distances)[:SOME].astype(int).tolist()
    return {"seconds": min(times), "beyond": peak - before, "peak": peak, "distances": shown}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
