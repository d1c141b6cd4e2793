"""What the author of a graded test writes: exercises, their points, hints; and where the tests lie.

The docstring of a test is the sentence that the student reads, so it says what should hold.
"""

import ast
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

_VULGAR = {
    Fraction(1, 2): "½", Fraction(1, 3): "⅓", Fraction(2, 3): "⅔", Fraction(1, 4): "¼", Fraction(3, 4): "¾",
    Fraction(1, 5): "⅕", Fraction(2, 5): "⅖", Fraction(3, 5): "⅗", Fraction(4, 5): "⅘", Fraction(1, 6): "⅙",
    Fraction(5, 6): "⅚", Fraction(1, 7): "⅐", Fraction(1, 8): "⅛", Fraction(3, 8): "⅜", Fraction(5, 8): "⅝",
    Fraction(7, 8): "⅞", Fraction(1, 9): "⅑", Fraction(1, 10): "⅒",
}  # fmt: skip


@dataclass(frozen=True)
class Exercise:
    """A name of the submission and what it is worth. Its tests share the points equally."""

    name: str
    points: Fraction


def exercise(name: str, points: int | Fraction):
    """Marks a test class as the tests of one exercise, worth ``points`` in all.

    Every test of the class is worth the same, in exact fractions; a parametrised test counts once per case.
    """

    def mark(cls: type) -> type:
        cls.exercise = Exercise(name, Fraction(points))
        return cls

    return mark


def hint(text: str):
    """Says what to try when the test fails. Goes above ``@given`` or below it."""

    def mark(test):
        test.hint = text
        return test

    return mark


def points_text(points: Fraction) -> str:
    """Points as people write them: ``2``, ``2⅔``, and ``1.86`` where there is no such sign."""
    whole, part = divmod(Fraction(points), 1)
    if part and part not in _VULGAR:
        return f"{float(points):.2f}"
    return f"{whole if whole or not part else ''}{_VULGAR.get(part, '')}"


@dataclass(frozen=True)
class Lab:
    """The graded tests of one lab: their file, and what the file says it is about."""

    name: str  # LAB, such as "01_nearest_neighbours"
    sources: tuple[str, ...]  # SOURCE, the library module or modules that hold the answers
    path: Path
    exercises: tuple[str, ...]


def labs_folder() -> Path:
    """Where the graded tests lie: in the package when installed, in ``tests/labs`` of a working copy."""
    here = Path(__file__).resolve().parent
    for folder in (here / "labs", here.parents[1] / "tests" / "labs"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        "The graded tests are not installed: reinstall cnncourse, or work in a clone of it."
    )


def find_labs(folder: Path | None = None) -> dict[str, Lab]:
    """Every lab that has graded tests, by name, in order. Reads the test files without running them."""
    labs = [read_lab(path) for path in sorted((folder or labs_folder()).glob("test_*.py"))]
    return {lab.name: lab for lab in labs if lab.name}


def read_lab(path: Path) -> Lab:
    """What a graded test module says it is about. ``name`` is empty when it is about no lab."""
    constants, exercises = {}, []
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        if isinstance(node, ast.Assign):
            constants |= _constants(node)
        elif isinstance(node, ast.ClassDef):
            exercises += [call.args[0].value for call in node.decorator_list if _is_exercise(call)]
    sources = constants.get("SOURCE", ())
    sources = (sources,) if isinstance(sources, str) else sources
    return Lab(constants.get("LAB", ""), sources, path, tuple(exercises))


def _constants(assign: ast.Assign) -> dict[str, object]:
    """The names that ``A = "a"`` or ``A, B = "a", "b"`` sets."""
    target, value = assign.targets[0], assign.value
    pairs = zip(target.elts, value.elts) if isinstance(target, ast.Tuple) else [(target, value)]  # noqa: B905
    return {
        name.id: ast.literal_eval(constant)
        for name, constant in pairs
        if isinstance(name, ast.Name) and _is_text(constant)
    }


def _is_text(node: ast.expr) -> bool:
    """Whether this is a string, or a tuple of strings."""
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return all(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts)


def _is_exercise(decorator: ast.expr) -> bool:
    return (
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name)
        and decorator.func.id == "exercise"
        and bool(decorator.args)
        and isinstance(decorator.args[0], ast.Constant)
    )
