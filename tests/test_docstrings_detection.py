"""Docstrings of detection, segmentation and classical: they say what is raised, and the shapes of tensors.

Both are read from the sources. A function raises if its body does, or if it calls a helper that does: a private
function or method of its module, or one whose business is checking (`one_of`, `check_...`). What other public functions
raise, their own docstrings say.
"""

import ast
import re
from pathlib import Path

import pytest

from cnncourse import files

FOLDERS = ("detection", "segmentation", "classical")
SHAPE = re.compile(
    r"``[^`]*\[(\.\.\.|\w)[^`]*\][^`]*``"
)  # ``[N, 4]``, ``float32 [A, 4]``, ``{"boxes": [D, 4]}``, ``[...]``
TENSORS = re.compile(r"\b(Tensor|ndarray|Targets)\b")
CHECKS = re.compile(r"one_of|check_\w+")


def modules() -> list[Path]:
    paths = [path for folder in FOLDERS for path in (files.package() / folder).glob("*.py")]
    return sorted(path for path in paths if not path.name.startswith("_"))


def functions(tree: ast.Module, private: bool = False):
    """Name, node and docstring of all functions and methods; a constructor's docstring is that of its class."""
    for node in tree.body:
        inside = node.body if isinstance(node, ast.ClassDef) else []
        for part in [node, *inside]:
            if isinstance(part, ast.FunctionDef):
                owner = node if part.name == "__init__" else part
                names = {node.name, part.name} - {"__init__"}
                if private or not any(name.startswith("_") for name in names):
                    yield part.name, part, ast.get_docstring(owner) or ""


def called(function: ast.FunctionDef) -> set[str]:
    """What a function calls by a bare name, or as a method of its own."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            target = node.func
            if isinstance(target, ast.Name):
                found.add(target.id)
            elif isinstance(target, ast.Attribute) and getattr(target.value, "id", None) == "self":
                found.add(target.attr)
    return found


def raising(tree: ast.Module) -> set[int]:
    """Where the functions of a module begin that raise, themselves or by their helpers."""
    bodies = {name: node for name, node, _ in functions(tree, private=True) if name != "__init__"}

    def raises(function: ast.FunctionDef, seen: frozenset[str]) -> bool:
        if any(isinstance(node, ast.Raise) for node in ast.walk(function)):
            return True
        helpers = called(function) - seen
        if any(CHECKS.fullmatch(name) for name in helpers):
            return True
        private = [name for name in helpers if name.startswith("_") and name in bodies]
        return any(raises(bodies[name], seen | helpers) for name in private)

    return {node.lineno for _, node, _ in functions(tree, private=True) if raises(node, frozenset())}


def annotations(function: ast.FunctionDef) -> str:
    parts = [argument.annotation for argument in ast.walk(function.args) if isinstance(argument, ast.arg)]
    return " ".join(ast.unparse(part) for part in [*parts, function.returns] if part is not None)


def unsaid_errors(source: str) -> list[str]:
    tree = ast.parse(source)
    lines = raising(tree)
    return [name for name, node, text in functions(tree) if node.lineno in lines and "Raises:" not in text]


def unsaid_shapes(source: str) -> list[str]:
    every = functions(ast.parse(source))
    return [
        name for name, node, text in every if TENSORS.search(annotations(node)) and not SHAPE.search(text)
    ]


@pytest.mark.parametrize("path", modules(), ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_public_functions_say_what_they_raise_and_the_shapes_of_tensors(path: Path):
    source = path.read_text(encoding="utf-8")
    assert unsaid_errors(source) == []
    assert unsaid_shapes(source) == []


EXAMPLE = '''
class Net:
    """A network."""
    def __init__(self, size: int):
        if size < 1:
            raise ValueError
    def forward(self, x: Tensor) -> Tensor:
        """Values in [0, 1] to values."""
        return self._checked(x)
    def _checked(self, x):
        _refuse(x)

class Other:
    """Another.

    Raises:
        ValueError: the size is wrong.
    """
    def __init__(self, size: int):
        one_of("size", size, (1, 2))

def _refuse(x):
    raise ValueError

def area(boxes: Tensor) -> Tensor:
    """``[N, 4]`` to ``[N]``."""
    check_boxes(boxes)

def recall(matrix: np.ndarray) -> float:
    """Of a matrix `[K, K]`."""

def count(targets: Sequence[dict[str, Tensor]]) -> int:
    """Of ``{"boxes": [N, 4]}``.

    Raises:
        ValueError: there are none.
    """
    _refuse(targets)
'''


def test_what_is_not_said_is_found_in_constructors_methods_and_behind_helpers():
    assert unsaid_errors(EXAMPLE) == ["__init__", "forward", "area"]
    assert unsaid_shapes(EXAMPLE) == ["forward", "recall"]
