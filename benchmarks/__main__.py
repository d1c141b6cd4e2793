"""`python -m benchmarks [NAME...] [--json FILE]`: run benchmarks, print a table of each."""

import importlib
import json
import os
import pkgutil
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import benchmarks

NAMES = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Which: {', '.join(NAMES)}. All by default.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures to this file.")
    ] = None,
):
    """Measure the course's speed and cost beside its peers."""
    unknown = [name for name in names or [] if name not in NAMES]
    if unknown:
        raise typer.BadParameter(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    console = Console()
    console.print(
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}"
    )
    results = {}
    for name in names or NAMES:
        with console.status(f"{name} …"):
            results[name] = importlib.import_module(f"benchmarks.{name}").run()
        show(console, results[name])
    if json_file:
        beside = json_file.with_name(json_file.name + ".part")
        beside.write_text(json.dumps({name: asdict(r) for name, r in results.items()}, indent=1))
        beside.replace(json_file)
    raise typer.Exit(int(any(r.failures for r in results.values())))


def show(console: Console, result: benchmarks.Result):
    columns = list(dict.fromkeys(column for row in result.rows for column in row))
    table = Table(
        title=result.title, title_justify="left", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False
    )
    for column in columns:
        number = any(isinstance(row.get(column), int | float) for row in result.rows)
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in result.rows:
        table.add_row(*(as_text(row.get(column)) for column in columns))
    console.print(table)
    for note in result.notes:
        console.print(escape(note))
    for failure in result.failures:
        console.print(f"[bold red]Failed:[/] {escape(failure)}")


def as_text(value) -> str:
    if value is None:
        return "–"
    if isinstance(value, int | float):
        return f"{value:.3g}" if value < 100 else f"{value:,.0f}"
    return escape(str(value))


if __name__ == "__main__":
    typer.run(main)
