"""What an instructor sees in a terminal: progress and tables."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from cnncourse.grading.exercise import points_text
from cnncourse.grading.lab import Lab
from cnncourse.grading.reports.report import folders, write
from cnncourse.grading.reports.result import Result
from cnncourse.grading.run import Options, grade, which_count
from cnncourse.grading.selftest import Sample, samples
from cnncourse.progress import progress_bar


def grade_and_show(paths: Sequence[Path], options: Options, out: Path, jobs: int, console: Console) -> int:
    """Grades, writes the reports, prints the table. Returns the exit status: 1 when the grader itself failed."""
    with progress_bar("Grading", len(paths), console=console) as advance:
        results = grade(paths, options, jobs, lambda result: advance(text=f"{result.file}: {_total(result)}"))
    counts = which_count(results)
    write(zip(results, counts, strict=True), out)
    console.print(grades_table(results, counts, console.width))
    console.print(_where(results, out), soft_wrap=True)
    return int(any(result.grader_failed for result in results))


def grades_table(results: Sequence[Result], counts: Sequence[str], width: int) -> RenderableType:
    """One row for each file, one column for each exercise, what there is to say about a file below.

    Files of several labs get a table for each: their exercises side by side would not fit.
    """
    labs = sorted({r.lab for r in results if r.verdicts})
    tables = [_grades([r for r in results if r.lab == lab and r.verdicts], width, lab) for lab in labs]
    if len(labs) < 2:
        tables = [_grades(results, width)]
    elif rest := [r for r in results if not r.verdicts]:
        tables.append(_grades(rest, width, "not graded"))
    return Group(*tables, *_notes(results, counts))


def _grades(results: Sequence[Result], width: int, title: str = "") -> RenderableType:
    names = list(dict.fromkeys(e.name for r in results for e in r.exercises))
    widths = [
        max((len(text) for text in texts), default=4)
        for texts in zip(*((r.file, r.who) for r in results), strict=True)
    ]
    # numbers for the names of exercises where the names do not fit
    fits = sum(min(w, 30) for w in widths) + sum(len(name) + 2 for name in names) + 14 <= width
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left", title_style="bold")
    table.title = Text(f"\n{title}") if title else None
    for header in ("file", "who"):
        table.add_column(header, overflow="fold")
    for header in [*(names if fits else map(str, range(1, len(names) + 1))), "total"]:
        table.add_column(Text(header), justify="right", no_wrap=True)
    for result in results:
        points = {e.name: points_text(e.points) for e in result.exercises}
        cells = [result.file, result.who, *(points.get(name, "") for name in names), _total(result)]
        table.add_row(*map(Text, cells))
    return Group(table, *([] if fits else [_legend(results, names)]))


def _legend(results: Sequence[Result], names: Sequence[str]) -> Text:
    full = {e.name: points_text(e.full) for r in results for e in r.exercises}
    legend = "   ".join(f"{i} {name} ({full[name]})" for i, name in enumerate(names, 1))
    return Text(legend, style="dim")


def _notes(results: Sequence[Result], counts: Sequence[str]) -> list[Text]:
    notes = []
    for result, count in zip(results, counts, strict=True):
        for note in filter(None, [result.note, count.removeprefix("no, ") if count != "yes" else ""]):
            text = Text.assemble((f"{result.file}: ", "bold"), (note, "red" if result.error else ""))
            notes.append(text)
    return [Text(), *notes] if notes else []


def _total(result: Result) -> str:
    return "–" if result.error else f"{points_text(result.points)} of {points_text(result.full)}"


def _where(results: Sequence[Result], out: Path) -> Text:
    lines = [
        f"\nMarks of all: {out / 'grades.csv'}",
        "Reports, each with results.json and junit.xml beside it:",
    ]
    return Text("\n".join(lines + [f"  {out / folder / 'report.html'}" for folder in folders(list(results))]))


def selftest_and_show(labs: Sequence[Lab], options: Options, console: Console) -> int:
    """Grades the known-right and known-wrong samples and prints both tables. Returns the exit status."""
    status = 0
    for lab in labs:
        found = []
        with progress_bar(lab.name, console=console) as advance:
            for sample in samples(lab, options):
                found.append(sample)
                advance()
        for table in samples_tables(found):
            console.print(table)
        bad = [sample for sample in found if sample.problem]
        text = f"{lab.name}: {len(found) - len(bad)} of {len(found)} samples are judged as they should be."
        console.print(Text(text, "red" if bad or not found else "green"))
        status |= bool(bad or not found)
    return status


def samples_tables(found: Sequence[Sample]) -> tuple[Table, Table]:
    """Two tables: the right samples with their points, the wrong ones with the tests that caught them."""
    right = _table("Right: must get full marks", "", "exercise", "sample", "points")
    wrong = _table("Wrong: must fail the test that names it", "", "exercise", "mistake", "must fail", "fails")
    for sample in found:
        mark = Text("✗", "red") if sample.problem else Text("✓", "green")
        if sample.right:
            full = sum(v.points for v in sample.verdicts)
            got = sum(v.points for v in sample.verdicts if v.passed)
            points = f"{points_text(got)} of {points_text(full)}" + (
                f": {sample.problem}" if sample.problem else ""
            )
            how = sample.path.stem.partition("__")[2].replace("_", " ")
            right.add_row(mark, *map(Text, (sample.exercise, how, points)))
        else:
            others = sum(name != sample.fails for name in sample.failed)
            fails = sample.problem or ("it" + (f" and {others} more" if others else ""))
            wrong.add_row(mark, *map(Text, (sample.exercise, sample.mistake, sample.fails, fails)))
    return right, wrong


def _table(title: str, *headers: str) -> Table:
    table = Table(title=title, box=None, pad_edge=False, title_justify="left", title_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    return table
