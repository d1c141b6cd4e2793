"""One kind of progress bar."""

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(
    what: str, total: int | None = None, unit: str = "", console=None
) -> Iterator[Callable[..., None]]:
    """A bar on the terminal as long as the block runs; where there is no terminal, nothing.

    Args:
        what: what is being done, before the bar.
        total: how many steps there are; None until ``advance`` says.
        unit: what the steps are, behind their number.
        console: rich's, if not its own.

    Yields:
        ``advance(steps=1, text=None, done=None, total=None)``: so many steps more, or ``done`` in all; ``text``
        comes in the place of ``what``.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(), MofNCompleteColumn(), *([unit] if unit else []), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)

        def advance(
            steps: int = 1, text: str | None = None, done: int | None = None, total: int | None = None
        ) -> None:
            how = {"advance": steps} if done is None else {"completed": done}
            bar.update(task, description=text, total=total, **how)

        yield advance
