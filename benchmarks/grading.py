"""What grading costs: 50 copies of lab 01's solution in full isolation, on one core, beyond start-up."""

import os
import tempfile
import time
from pathlib import Path

from benchmarks import Result
from cnncourse.grading.reports.report import write
from cnncourse.grading.run import Grader, Options

COPIES = 50
MOST_SECONDS = 1.0  # for each, what the course promises
SOLUTION = Path(__file__).parents[1] / "solutions" / "01_nearest_neighbours.ipynb"


def run() -> Result:
    """Grades the copies one after the other, reports included; the first, which starts the template, apart."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # the template and its workers inherit it
    try:
        with tempfile.TemporaryDirectory() as folder, Grader(Options()) as grader:
            paths = [Path(folder) / f"{number:02}.ipynb" for number in range(COPIES)]
            for path in paths:
                path.write_bytes(SOLUTION.read_bytes())
            started = time.perf_counter()
            first = grader.grade(SOLUTION)
            first_seconds = time.perf_counter() - started
            started = time.perf_counter()
            results = [grader.grade(path) for path in paths]
            graded_seconds = (time.perf_counter() - started) / COPIES
            write([(result, "yes") for result in results], Path(folder) / "out")
            seconds = (time.perf_counter() - started) / COPIES
    finally:
        os.sched_setaffinity(0, cores)
    rows = [
        {"what": "start-up and the first", "seconds": round(first_seconds, 2)},
        {"what": "each of 50, tests", "seconds": round(graded_seconds, 3)},
        {"what": "each of 50, tests and reports", "seconds": round(seconds, 3)},
    ]
    failures = [
        f"{r.file}: {r.points} of {r.full} points {r.note}" for r in [first, *results] if r.points != 20
    ]
    if seconds > MOST_SECONDS:
        failures.append(f"grading costs {seconds:.2f} s each, more than {MOST_SECONDS:g} s")
    return Result("Grading lab 01's solution, one core", rows, [f"Kept apart: {first.isolation}."], failures)
