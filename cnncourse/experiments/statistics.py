"""What several runs say together, for the summaries of experiments."""

from collections.abc import Sequence

import numpy as np


def spread(values: Sequence[float]) -> dict[str, float]:
    """``mean``, ``std`` (standard deviation of the sample, 0 for one value) and ``n``, the number of values."""
    values = np.asarray(values, np.float64)
    return {
        "mean": round(float(values.mean()), 6),
        "std": round(float(values.std(ddof=1)), 6) if len(values) > 1 else 0.0,
        "n": len(values),
    }


def paired(rows: Sequence[dict], key: str, measure: str, a: object, b: object) -> dict[str, float]:
    """Differences of a measure, runs with ``row[key] == a`` minus those with ``b``, paired by seed.

    Args:
        rows: a setting with its measures each; ``seed`` is one of its keys.
        key: what the compared runs differ in.
        measure: the key of what is subtracted.

    Returns:
        Their `spread`, and how many of them are ``positive``.
    """
    of = {choice: {row["seed"]: row[measure] for row in rows if row[key] == choice} for choice in (a, b)}
    seeds = sorted(of[a].keys() & of[b].keys())
    differences = [of[a][seed] - of[b][seed] for seed in seeds]
    return {**spread(differences), "positive": sum(d > 0 for d in differences)}
