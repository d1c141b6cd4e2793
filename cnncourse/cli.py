"""One command, ``cnncourse``.

Every subcommand imports what it needs inside its body: ``cnncourse --help`` must not wait for torch.
"""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def main() -> None:
    """A course on convolutional networks that people can run."""


@app.command()
def doctor() -> None:
    """Say what is missing or slow on this machine, and what to do."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from cnncourse.doctor import examine

    console = Console()
    with console.status("Looking around (importing torch takes a few seconds)"):
        findings = examine()
    marks = {"ok": "[green]ok[/]", "slow": "[yellow]slow[/]", "missing": "[red]missing[/]"}
    table = Table("", "what", "found", box=None, pad_edge=False)
    for finding in findings:
        table.add_row(marks[finding.state], finding.name, escape(finding.found))
        if finding.advice:
            table.add_row("", "", f"[dim]→ {escape(finding.advice)}[/]")
    console.print(table)
    missing = [finding.name for finding in findings if finding.state == "missing"]
    console.print(
        f"\nMissing: {', '.join(missing)}." if missing else "\nNothing that the course needs is missing."
    )
    raise typer.Exit(code=1 if missing else 0)


@app.command()
def release(
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is wrong; write and run nothing.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Run every solution, changed or not.")] = False,
) -> None:
    """Write the solutions' exercises from the library, run what changed, and make the labs from them."""
    from pathlib import Path

    from cnncourse import release as notebooks

    root = Path(__file__).resolve().parents[1]
    try:
        if not check:
            notebooks.release(root, again)
        findings = notebooks.check(root)
    except notebooks.ReleaseError as error:
        findings = [error]
    for finding in findings:
        typer.echo(str(finding), err=True)
    raise typer.Exit(code=1 if findings else 0)
