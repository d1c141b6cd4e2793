"""The labs: one folder of graded tests each, in which ``lab.py`` says once what the lab is about."""

import ast
from dataclasses import dataclass
from pathlib import Path

from cnncourse import files


@dataclass(frozen=True)
class Lab:
    """What the folder of a lab's graded tests says.

    Attributes:
        name: the folder's name, such as "01_nearest_neighbours"; notebooks are called so, too.
        sources: SOURCE, the library modules that hold the answers.
        withheld: WITHHELD, more modules that a submission must not import while it is graded.
        numbers: EXERCISES, the exercises in the order of the lab, and their numbers in it, such as "6a".
        path: the folder.
    """

    name: str
    sources: tuple[str, ...]
    withheld: tuple[str, ...]
    numbers: dict[str, str]
    path: Path

    @property
    def exercises(self) -> tuple[str, ...]:
        """The names of the exercises, in their order."""
        return tuple(self.numbers)

    @property
    def hidden(self) -> tuple[str, ...]:
        """The modules that are hidden, with all that imports them, while this lab is graded."""
        return self.sources + self.withheld

    def place(self, exercise: str) -> int:
        """Which exercise of the lab this is, from 0; behind all others for one that is not in ``lab.py``."""
        return self.exercises.index(exercise) if exercise in self.numbers else len(self.numbers)


def labs_folder() -> Path:
    """Where the graded tests lie: in the package when installed, in ``tests/labs`` of a working copy.

    Raises:
        FileNotFoundError: they are in neither place.
    """
    for folder in (files.package() / "grading" / "labs", files.root() / "tests" / "labs"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        "The graded tests are not installed: reinstall cnncourse, or work in a clone of it."
    )


def find_labs(folder: Path | None = None) -> dict[str, Lab]:
    """Every lab that has graded tests, by name, in order. Reads ``lab.py`` without running it."""
    labs = map(read_lab, sorted(path.parent for path in (folder or labs_folder()).glob("*/lab.py")))
    return {lab.name: lab for lab in labs}


def read_lab(folder: Path) -> Lab | None:
    """What a folder of graded tests says it is about; None for a folder without ``lab.py``.

    Raises:
        ValueError: ``lab.py`` says something that is no literal, or lacks SOURCE or EXERCISES.
    """
    file = folder / "lab.py"
    if not file.is_file():
        return None
    said = {}
    for node in ast.parse(file.read_text(encoding="utf-8"), str(file)).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            said[node.targets[0].id] = ast.literal_eval(node.value)
    if missing := {"SOURCE", "EXERCISES"} - said.keys():
        raise ValueError(f"{file} does not say {' and '.join(sorted(missing))}.")
    return Lab(
        folder.name, _names(said["SOURCE"]), _names(said.get("WITHHELD", ())), said["EXERCISES"], folder
    )


def _names(said: str | tuple[str, ...]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)
