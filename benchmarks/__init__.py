"""What `make bench` measures. Each module here is a benchmark: a function `run()` that returns a `Result`."""

from dataclasses import dataclass, field


@dataclass
class Result:
    """A table of figures.

    Args:
        title: what was measured, on what.
        rows: one dict for each row, from a column's heading to a value; None or a missing column is a dash.
        notes: sentences to read beside the table.
        failures: sentences about what must not be; any makes the whole run fail.
    """

    title: str
    rows: list[dict]
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
