"""What public docstrings have to say: the shapes of tensors and arrays, and the errors. Read from the sources."""

import ast
import re
from collections.abc import Iterator

import pytest

from cnncourse import imports

# Of the command line, docstrings are what its users read; private modules promise nothing.
MODULES = [name for name in imports.modules() if name != "cnncourse.cli" and "._" not in name]
# Shown in a lab, where every clause of a docstring has a graded test; what raises is in its given part.
EXERCISES = {"ResNet.__init__"}
SHAPE = re.compile(r"\[[^\]]*\]|\b[Ss]calar\b|\bany shape\b")
RAISES = re.compile(r"\b[Rr]aise[sd]?\b")  # a section, or a sentence
ELSEWHERE = re.compile(r"`\w+`")  # "from `principal_colours`": the shape is said there
ARRAYS = re.compile(r"(?<!str, )\b(?:Tensor|ndarray)\b")  # not those of a state dict, which have any shape


def tree_of(module: str) -> ast.Module:
    return ast.parse(imports.modules()[module].read_text(encoding="utf-8"))


def public(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """Public functions and methods with their docstrings. A class speaks for ``__init__`` and ``forward``, too."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node, ast.get_docstring(node) or ""
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and (
                    part.name == "__init__" or not part.name.startswith("_")
                ):
                    spoken = (ast.get_docstring(node) or "") if part.name in ("__init__", "forward") else ""
                    yield f"{node.name}.{part.name}", part, f"{ast.get_docstring(part) or ''}\n{spoken}"


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Everything in a function but what is in functions inside it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from own_nodes(child)


def raising(tree: ast.Module) -> set[ast.FunctionDef]:
    """Functions and methods in which something is raised, or that call a private one of the module that does."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found = {f for f in functions if any(isinstance(node, ast.Raise) for node in own_nodes(f))}
    while True:
        names = {f.name for f in found}
        callers = {f for f in functions if called_privately(f) & names} - found
        if not callers:
            return found
        found |= callers


def called_privately(function: ast.FunctionDef) -> set[str]:
    """The private names that a function calls: ``_check(..)`` and ``self._check(..)``."""
    called = {node.func for node in own_nodes(function) if isinstance(node, ast.Call)}
    names = {getattr(func, "id", getattr(func, "attr", "")) for func in called}
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


def takes_or_gives_arrays(function: ast.FunctionDef) -> bool:
    arguments = function.args
    annotations = [function.returns]
    annotations += [
        arg.annotation for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    ]
    return any(ARRAYS.search(ast.unparse(annotation)) for annotation in annotations if annotation)


def entries(docstring: str, section: str) -> dict[str, str]:
    """The entries of a docstring's section, name -> text; of Returns the whole under the name ""."""
    found = re.search(rf"^{section}:\n((?:    .*\n|\n)*)", docstring + "\n", re.MULTILINE)
    if not found:
        return {}
    if section == "Returns":
        return {"": found[1]}
    parts = re.split(r"^    (\w[\w, ]*):", found[1], flags=re.MULTILINE)[1:]
    return {
        name: text for names, text in zip(parts[::2], parts[1::2], strict=True) for name in names.split(", ")
    }


def without_shape(function: ast.FunctionDef, docstring: str) -> list[str]:
    """What of a function's arguments and results has no shape in the docstring."""
    described = entries(docstring, "Args")
    lacking = [
        arg.arg
        for arg in (*function.args.args, *function.args.kwonlyargs)
        if arg.arg in described
        and arg.annotation
        and re.fullmatch(r"(?:torch\.)?Tensor|np\.ndarray", ast.unparse(arg.annotation))
        and not SHAPE.search(described[arg.arg])
        and not ELSEWHERE.search(described[arg.arg])
    ]
    returns = entries(docstring, "Returns")
    if returns and function.returns and ARRAYS.search(ast.unparse(function.returns)):
        lacking += [] if SHAPE.search(returns[""]) else ["what it returns"]
    if not lacking and takes_or_gives_arrays(function) and not SHAPE.search(docstring):
        lacking = ["anything"]
    return lacking


@pytest.mark.parametrize("module", MODULES)
def test_what_takes_or_gives_arrays_says_their_shapes(module):
    lacking = {name: without_shape(f, docstring) for name, f, docstring in public(tree_of(module))}
    assert {name: what for name, what in lacking.items() if what} == {}


@pytest.mark.parametrize("module", MODULES)
def test_what_raises_says_so(module):
    tree = tree_of(module)
    raises = raising(tree)
    silent = {name for name, f, docstring in public(tree) if f in raises and not RAISES.search(docstring)}
    assert silent - EXERCISES == set()
