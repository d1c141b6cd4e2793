"""Means, spread and differences paired by seed."""

from cnncourse.experiments import statistics


def test_spread_and_paired_differences():
    assert statistics.spread([1.0, 3.0]) == {"mean": 2.0, "std": 1.414214, "n": 2}
    rows = [{"seed": s, "crop": c, "error": e} for s, c, e in [(0, 1, 3), (1, 1, 5), (1, 0, 9), (0, 0, 4)]]
    assert statistics.paired(rows, "crop", "error", 1, 0) == {
        "mean": -2.5,
        "std": 2.12132,
        "n": 2,
        "positive": 0,
    }
