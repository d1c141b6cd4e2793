"""Looks for the answer in frames, in what the garbage collector knows, in loaded modules, and by importing it."""

import gc
import importlib
import sys


def attack():
    found = []
    frame = sys._getframe()
    while frame is not None:
        found += [
            name
            for name in (*frame.f_locals, *frame.f_globals)
            if name in ("expected", "reference", "solution")
        ]
        frame = frame.f_back
    for thing in gc.get_objects():
        name = getattr(thing, "__name__", None)
        if name in ("l1_distances", "vote", "cross_validate_k") or str(
            getattr(thing, "__module__", None)
        ).startswith("cnncourse.neighbors"):
            found.append(repr(thing))
    found += [
        name
        for name in sys.modules
        if ("neighbors" in name and "cnncourse" in name) or name.startswith("_pytest")
    ]
    for name in (
        "cnncourse.neighbors",
        "cnncourse.neighbors.plain",
        "cnncourse.neighbors._fast",
        "cnncourse.grading.run",
        "cnncourse.grading.specs",
    ):
        for load in (importlib.import_module, __import__):
            sys.modules.pop(name, None)
            try:
                found.append(repr(load(name)))
            except ImportError:
                pass
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "Hidden"]
    try:
        found.append(repr(importlib.import_module("cnncourse.neighbors")))
    except ImportError:
        pass
    return found


def answer(x):
    return len(attack())
