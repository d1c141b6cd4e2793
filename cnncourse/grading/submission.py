"""A submission: from a file to cells of text (in the grader), from cells to definitions (in the worker).

Reading knows JSON and nothing of Python: a stranger's source is parsed only in the worker. There only
definitions run: imports, functions, classes, and assignments whose right side is a literal, a lambda, or an
expression without calls.
"""

import __future__

import ast
import errno
import json
import linecache
import os
import re
import stat
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnncourse.grading.backend import Problem
from cnncourse.grading.session import clip, message_of

MAX_FILE = 16 * 2**20  # as Python objects JSON takes up to 25 times its length
MAX_CODE = 2**20  # as JSON, in which it travels to the worker
MAX_CELLS = 500  # each cell of a .py file may hold as many empty lines as stand before it
MODULE = "submission"  # the name of the module whose namespace the definitions fill


@dataclass(frozen=True)
class Cell:
    """The source of one code cell; ``number`` counts code cells from 1 and is None for a .py file."""

    number: int | None
    text: str


@dataclass(frozen=True)
class Submission:
    """What a file holds: its code cells, whose it is, and what is wrong with the file itself."""

    cells: tuple[Cell, ...]
    who: str
    problem: Problem | None = None
    lab: str = ""  # the lab that the notebook's metadata names


def read(path: str | os.PathLike) -> Submission:
    """Reads a notebook or a .py file without running or parsing any of its Python.

    ``who`` is ``student`` (inside ``cnncourse`` or beside it) or the first of ``authors`` in the notebook's
    metadata, else the name of the file.
    """
    path = Path(path)
    try:
        text = _text(path)
        if path.suffix == ".py":
            return Submission(_sections(text), path.stem)
        notebook = _notebook(text)
        who = _who(notebook) or path.stem
        cells = tuple(_code_cells(notebook))
        _bounded(len(cells), *(cell.text for cell in cells))
        return Submission(cells, who, lab=_course(notebook).get("lab") or "")
    except _Unreadable as error:
        return Submission((), path.stem, Problem("file", str(error)))


class _Unreadable(Exception):
    pass


def _text(path: Path) -> str:
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever
        # O_NOFOLLOW: a link that was handed in may lead to the solution, or to another submission
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        with open(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _Unreadable("This is no file but a folder, a pipe or a device. Hand in one notebook.")
            data = file.read(MAX_FILE + 1)
    except IsADirectoryError:
        raise _Unreadable("This is a folder. Hand in one notebook.") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _Unreadable("This is a symbolic link. Hand in the notebook itself.") from None
        raise _Unreadable(f"The file cannot be read: {error.strerror}.") from None
    if len(data) > MAX_FILE:
        raise _Unreadable(
            f"The file is larger than {MAX_FILE // 2**20} MB. Clear the notebook's outputs and save it again."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unreadable(
            f"The file is not text in UTF-8 (byte {error.start}). Hand in the notebook itself."
        ) from None


def _notebook(text: str) -> dict:
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        raise _Unreadable(
            f"The file is not a notebook: it is no JSON (line {error.lineno}: {error.msg}). "
            "Hand in the .ipynb file as Jupyter saved it."
        ) from None
    except (RecursionError, ValueError):  # ValueError: a number with thousands of digits
        raise _Unreadable("The file is not a notebook: its JSON is nothing that Jupyter writes.") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        old = isinstance(notebook, dict) and "worksheets" in notebook
        remedy = "it has an old format. Open it in Jupyter and save it again" if old else "it has no cells"
        raise _Unreadable(f"The file is not a notebook: {remedy}.")
    return notebook


def _code_cells(notebook: dict) -> Iterator[Cell]:
    number = 0
    for cell in notebook["cells"]:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        number += 1
        source = cell.get("source", "")
        lines = source if isinstance(source, list) else [source]
        text = "".join(line for line in lines if isinstance(line, str))
        yield Cell(number, text.encode("utf-8", "replace").decode())


def _sections(text: str) -> tuple[Cell, ...]:
    """A .py file split at lines that begin with ``# %%``; every part keeps its line numbers in the file."""
    starts = [0] + [match.start() for match in re.finditer(r"^# ?%%", text, re.MULTILINE)]
    _bounded(len(starts), text)
    return tuple(
        Cell(None, "\n" * text.count("\n", 0, start) + text[start:end])
        for start, end in zip(starts, [*starts[1:], len(text)], strict=True)
    )


def _bounded(cells: int, *texts: str) -> None:
    if cells > MAX_CELLS:
        raise _Unreadable(f"The file has {cells} cells of code, more than the {MAX_CELLS} that are read.")
    if sum(len(json.dumps(text)) for text in texts) > MAX_CODE:
        raise _Unreadable(
            f"The file holds more than {MAX_CODE // 2**20} MB of code. Put large data into a file of its own."
        )


def _course(notebook: dict) -> dict:
    """What the course has written into a notebook's metadata."""
    metadata = notebook.get("metadata")
    course = metadata.get("cnncourse") if isinstance(metadata, dict) else None
    return course if isinstance(course, dict) else {}


def _who(notebook: dict) -> str | None:
    metadata = notebook.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    authors = metadata.get("authors")
    name = _course(notebook).get("student") or metadata.get("student") or None
    if name is None and isinstance(authors, list) and authors and isinstance(authors[0], dict):
        name = authors[0].get("name")
    if not isinstance(name, str):
        return None
    return "".join(c for c in " ".join(name.split()) if c.isprintable())[:100] or None


# ---- from cells to definitions: in the worker only


@dataclass
class Definitions:
    """A namespace that cells have filled, and what went wrong in filling it."""

    namespace: dict[str, Any]
    problems: list[Problem] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    cells: dict[str, int | None] = field(
        default_factory=dict
    )  # the number of the cell of each code file name
    flags: int = 0  # what ``from __future__`` has switched on, for all later cells

    def names(self) -> list[str]:
        """The names that are defined."""
        return sorted(clip(name) for name in self.namespace if not name.startswith("__"))

    def define(self, cell: Cell) -> None:
        """Runs the definitions of one cell. A statement that fails costs only the names it binds."""
        file = f"<cell {len(self.cells) + 1}>"
        self.cells[file] = cell.number
        # for the lines in error messages, and for whoever calls inspect.getsource
        linecache.cache[file] = len(cell.text), None, cell.text.splitlines(keepends=True), file
        tree = self._parse(cell, file)
        for node in tree.body if tree else ():
            for part in _parts(node):
                self._run(part, cell, file)

    def give_up(self, cell: Cell, reason: str) -> None:
        """Runs nothing of a cell; the names that it would define are missing for this reason."""
        tree = self._parse(cell, f"<cell {len(self.cells) + 1}>")
        for node in tree.body if tree else ():
            self._skip(node, reason)

    def _parse(self, cell: Cell, file: str) -> ast.Module | None:
        error = None
        for text in (cell.text, without_magics(cell.text)):
            try:
                return compile(text, file, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
            except SyntaxError as raised:
                error = raised
            except (ValueError, RecursionError, MemoryError) as raised:
                self.problems.append(
                    Problem("syntax", clip(f"this cell cannot be read: {raised}"), cell.number)
                )
                return None
        line = error.lineno or 1
        lines = cell.text.split("\n")
        source = lines[min(line, len(lines)) - 1]
        self.problems.append(Problem("syntax", clip(error.msg), cell.number, line, clip(source.strip())))
        return None

    def _run(self, node: ast.stmt, cell: Cell, file: str) -> None:
        where = "" if cell.number is None else f"cell {cell.number}, "
        where += f"line {node.lineno}"
        try:
            if not is_definition(node):
                self._skip(node, f"{where} {_why(node)}, and only definitions are run")
                return
            code = compile(ast.Module([node], []), file, "exec", self.flags, True)
            self.flags |= code.co_flags & _FUTURE
            exec(code, self.namespace)
        except BaseException as error:
            self._failed(node, cell, where, error)
            return
        for name in bound_names(node):
            self.skipped.pop(name, None)

    def _failed(self, node: ast.stmt, cell: Cell, where: str, error: BaseException) -> None:
        text = clip(f"{type(error).__name__}: {message_of(error)}")
        missing = error.name if isinstance(error, NameError) else None
        if missing in self.skipped:  # no fault of this line
            self._skip(node, f"{where} needs `{missing}`, which is not there: {self.skipped[missing]}")
            return
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            # an experiment most likely, on names whose calls were skipped: to be told to whoever misses the name
            self._skip(node, f"{where} failed: {text}")
            return
        kind = "import" if isinstance(node, ast.Import | ast.ImportFrom) else "definition"
        source = linecache.getline(next(reversed(self.cells)), node.lineno).strip()
        self.problems.append(Problem(kind, text, cell.number, node.lineno, clip(source)))
        self._skip(node, f"{where} failed: {text}")

    def _skip(self, node: ast.stmt, reason: str) -> None:
        for name in bound_names(node):
            if name not in self.namespace:
                self.skipped[name] = clip(reason)


def new_definitions() -> Definitions:
    """An empty namespace. It is that of a module, so that classes in it know where they belong."""
    module = types.ModuleType(MODULE)
    sys.modules[MODULE] = module
    return Definitions(module.__dict__)


def is_definition(node: ast.stmt) -> bool:
    """Whether a statement defines something without doing anything else."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return True
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign() | ast.AugAssign():
            return _calls_nothing(node)
        case ast.AnnAssign():
            return node.value is None or _calls_nothing(node.value)
        case ast.If():
            return (
                not _is_main(node)
                and _calls_nothing(node.test)
                and all(map(is_definition, node.body + node.orelse))
            )
        case ast.Try():
            handled = [statement for handler in node.handlers for statement in handler.body]
            return all(map(is_definition, node.body + handled + node.orelse + node.finalbody))
    return type(node).__name__ == "TypeAlias"  # ``type X = ...``, from Python 3.12


def bound_names(node: ast.stmt) -> set[str]:
    """The names that a statement binds, nested statements included, but not what functions bind inside."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names} - {"*"}
    names = {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else set()
    if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return names
    return names.union(*(bound_names(child) for child in ast.iter_child_nodes(node)))


def without_magics(text: str) -> str:
    """The text with IPython's own lines (``%``, ``!``, ``?``) blanked, every other line where it was."""
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip()), None)
    if first is not None and lines[first].startswith("%%"):
        if lines[first].split()[0] not in _PYTHON_CELLS:
            return "\n" * (len(lines) - 1)
        lines[first] = ""
    continued = False
    for i, line in enumerate(lines):
        magic = not continued and _MAGIC.match(line)
        if continued or magic:
            continued = line.endswith("\\")
            lines[i] = line[: len(line) - len(line.lstrip())] + "pass" if magic else ""
    return "\n".join(lines)


_PYTHON_CELLS = {"%%time", "%%capture", "%%prun"}  # cell magics whose cells define names as any other
_MAGIC = re.compile(r"\s*([%!?]|[\w.]+\?{1,2}\s*$|[\w, ]+=\s*[%!])")
_FUTURE = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})


def _parts(node: ast.stmt) -> Iterator[ast.stmt]:
    """An import of several names as one import each: one that fails costs only its own name."""
    if not isinstance(node, ast.Import | ast.ImportFrom):
        yield node
        return
    for alias in node.names:
        only = (
            ast.Import([alias])
            if isinstance(node, ast.Import)
            else ast.ImportFrom(node.module, [alias], node.level)
        )
        yield ast.copy_location(only, node)


def _calls_nothing(node: ast.AST) -> bool:
    if isinstance(node, ast.Lambda):  # calls when it is called
        return all(map(_calls_nothing, [*node.args.defaults, *filter(None, node.args.kw_defaults)]))
    if isinstance(node, ast.Call | ast.Await | ast.Yield | ast.YieldFrom):
        return False
    return all(map(_calls_nothing, ast.iter_child_nodes(node)))


def _is_main(node: ast.If) -> bool:
    """``if __name__ == "__main__":`` is how a script says: not when you import me."""
    return any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test))


def _why(node: ast.stmt) -> str:
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        return "assigns what a call returns"
    if isinstance(node, ast.If) and _is_main(node):
        return "is for running the file as a program"
    return "does something"
