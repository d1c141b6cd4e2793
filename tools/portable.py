"""Run checks under every setting of arithmetic that this machine can be put into, and say which hold.

python tools/portable.py                                     all of them (an hour and a half on two cores)
python tools/portable.py --setting default-1 --check nbval   one of each
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from cnncourse import arithmetic

ROOT = Path(__file__).resolve().parents[1]
CHECKS = ("nbval", "grade-solutions", "selftest", "units", "chapters")


def main(
    setting: list[str] = typer.Option([], help="Only these settings."),  # noqa: B008
    check: list[str] = typer.Option([], help=f"Only these of {', '.join(CHECKS)}."),  # noqa: B008
) -> None:
    """Each check is a target of the Makefile; its output comes as it runs, the table at the end."""
    possible = arithmetic.settings()
    if absent := {*setting} - possible.keys():
        typer.echo(
            f"This machine cannot be put into {', '.join(sorted(absent))}, only {', '.join(possible)}."
        )
    if unknown := {*check} - {*CHECKS}:
        typer.echo(f"There is no check {', '.join(sorted(unknown))}: {', '.join(CHECKS)}.", err=True)
        raise typer.Exit(2)
    checks = check or CHECKS
    table, failed = Table("setting", *checks, box=None, header_style="bold"), False
    for name in [name for name in possible if name in (setting or possible)]:
        cells = []
        for one in checks:
            print(f"── {one} under {name}: {possible[name]}", flush=True)
            start = time.monotonic()
            done = subprocess.run(["make", one], cwd=ROOT, env=os.environ | possible[name], check=False)
            failed |= done.returncode != 0
            cells.append(f"{'FAILED' if done.returncode else 'holds'}, {time.monotonic() - start:.0f} s")
        table.add_row(name, *cells)
    Console().print(table)
    sys.exit(failed)


if __name__ == "__main__":
    typer.run(main)
