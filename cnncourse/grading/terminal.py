"""What an instructor sees in a terminal: progress and tables."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from cnncourse.grading.exercise import points_text
from cnncourse.grading.report import Result, folders, write
from cnncourse.grading.run import Options, grade, which_count


def grade_and_show(paths: Sequence[Path], options: Options, out: Path, jobs: int, console: Console) -> int:
    """Grades, writes the reports, prints the table. Returns the exit status: 1 when the grader itself failed."""
    columns = (
        TextColumn("Grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=len(paths))

        def graded(result: Result) -> None:
            progress.update(task, advance=1, description=f"{result.file}: {_total(result)}")

        results = grade(paths, options, jobs, graded)
    counts = which_count(results)
    write(zip(results, counts, strict=True), out)
    console.print(grades_table(results, counts, console.width))
    console.print(_where(results, out), soft_wrap=True)
    return int(any(result.grader_failed for result in results))


def grades_table(results: Sequence[Result], counts: Sequence[str], width: int) -> RenderableType:
    """One row for each file, one column for each exercise; numbers for their names where the names do not fit."""
    names = list(dict.fromkeys(e.name for r in results for e in r.exercises))
    several = any(count.startswith("no") for count in counts)
    notes = [_note(r, c) for r, c in zip(results, counts, strict=True)]
    file_width = max((len(r.file) for r in results), default=4)
    who_width = max((len(r.who) for r in results), default=3)
    fits = min(file_width, 30) + min(who_width, 20) + sum(len(n) + 2 for n in names) + 30 <= width
    table = Table(box=None, pad_edge=False, header_style="bold", row_styles=["", "dim"] if several else None)
    table.add_column("file", overflow="fold")
    table.add_column("who", overflow="fold")
    for number, name in enumerate(names, 1):
        table.add_column(Text(name if fits else str(number)), justify="right", no_wrap=True)
    table.add_column("total", justify="right", no_wrap=True)
    if any(notes):
        table.add_column("note", overflow="fold", ratio=1)
    for result, note in zip(results, notes, strict=True):
        points = {e.name: points_text(e.points) for e in result.exercises}
        cells = [Text(points.get(name, "")) for name in names]
        total = Text(_total(result), style="bold")
        row = [Text(result.file), Text(result.who), *cells, total]
        table.add_row(*row, *([Text(note, style="red" if result.error else "")] if any(notes) else []))
    return table if fits else Group(table, _legend(results, names))


def _legend(results: Sequence[Result], names: Sequence[str]) -> Text:
    full = {e.name: points_text(e.full) for r in results for e in r.exercises}
    return Text(", ".join(f"{i} {name} (of {full[name]})" for i, name in enumerate(names, 1)), style="dim")


def _total(result: Result) -> str:
    return "–" if result.error else f"{points_text(result.points)} of {points_text(result.full)}"


def _note(result: Result, counts: str) -> str:
    return "; ".join(filter(None, [result.note, counts if counts.startswith("no") else ""]))


def _where(results: Sequence[Result], out: Path) -> Text:
    lines = [
        f"\nMarks of all: {out / 'grades.csv'}",
        "Reports, each with results.json and junit.xml beside it:",
    ]
    return Text("\n".join(lines + [f"  {out / folder / 'report.html'}" for folder in folders(list(results))]))
