"""Training on a terminal."""

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def training_bar(epochs: int) -> Iterator[Callable[[dict], None]]:
    """A progress bar over all steps, with the epoch's loss and metrics so far; yields the loop's ``progress``."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task("training", total=None)

        def show(state: dict) -> None:
            figures = "  ".join(
                f"{name} {value:.3f}"
                for name, value in state.items()
                if name not in ("epoch", "step", "steps")
            )
            done = state["epoch"] * state["steps"] + state["step"] + 1
            text = f"epoch {state['epoch'] + 1}/{epochs}  {figures}"
            bar.update(task, total=epochs * state["steps"], completed=done, description=text)

        yield show
