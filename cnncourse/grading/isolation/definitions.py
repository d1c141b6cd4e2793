"""From cells to definitions, in the worker: a stranger's source is parsed nowhere else.

What runs is decided in ``statements``: definitions, and what the exercises need besides, in the order of the file.
"""

import __future__

import ast
import linecache
import random
import re
import sys
import types
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cnncourse.grading.isolation.session import STAND_INS, clip, message_of, own_names
from cnncourse.grading.isolation.statements import (
    Statement,
    bound_names,
    is_stub,
    python_of,
    rebinds,
    statements_of,
    to_run,
    transformed,
    unseen,
    why_not,
    with_passes,
    without_piece,
)
from cnncourse.grading.seam import Cell, Problem

MODULE = "submission"  # the name of the module whose namespace the definitions fill
PIECES = 20  # of a .py file that may be left out because they cannot be read
_IMPORTS = (ast.Import, ast.ImportFrom)


@dataclass
class Definitions:
    """A namespace that cells have filled, and what went wrong in filling it.

    First every cell is read, then ``plan`` says what runs, then that is run one by one. ``folder`` is where cells
    become files, for whoever wants a function's file (numba's cache); None: they have none.
    """

    namespace: dict[str, Any]
    folder: Path | None = None
    problems: list[Problem] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    # the number of the cell of each code file name
    cells: dict[str, int | None] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)
    made: set[str] = field(default_factory=set)  # by ``def`` and ``class``
    flags: int = 0  # what ``from __future__`` has switched on, for all later cells
    _files: list[str] = field(default_factory=list)  # of each cell, by its position
    _read: list[Cell] = field(default_factory=list)

    def names(self) -> list[str]:
        """The names that are defined."""
        return sorted(clip(name) for name in own_names(self.namespace))

    def load(self, cells: Iterable[Cell], roots: Sequence[str]) -> None:
        """All of it, in this process."""
        for cell in cells:
            self.read(cell)
        self.plan(roots)
        for place in range(len(self.chosen)):
            self.run(place)
        self.in_order()

    def in_order(self) -> list[Problem]:
        """The problems, in the order of the file."""
        self.problems.sort(key=lambda one: (one.cell or 0, one.line or 0))
        return self.problems

    def read(self, cell: Cell) -> None:
        """Takes in one cell; nothing of it runs."""
        position = len(self._read)
        self._read.append(cell)
        if cell.kind != "code":
            self._files.append("")
            self._not_code(
                cell, cell.text, f"stands in a {cell.kind} cell, number {cell.number} of all cells"
            )
            return
        file = f"<cell {position + 1}>"
        if self.folder is not None:
            path = self.folder / (f"cell_{cell.number}.py" if cell.number else f"part_{position + 1}.py")
            self.folder.mkdir(exist_ok=True)
            path.write_text(cell.text, encoding="utf-8")
            file = str(path)
        self._files.append(file)
        self.cells[file] = cell.number
        # for the lines in error messages, and for whoever calls inspect.getsource
        linecache.cache[file] = len(cell.text), None, cell.text.splitlines(keepends=True), file
        text = python_of(cell)
        if text is None:
            magic = cell.text.split()[0]
            self._not_code(
                cell, cell.text.partition("\n")[2], f"stands in cell {cell.number} under `{magic}`"
            )
        elif tree := self._parse(cell, text, file):
            self.statements += statements_of(position, tree, cell.number)

    def plan(self, roots: Sequence[str]) -> list[list[int]]:
        """What will run for these exercises: the position of its cell and its line, for each statement."""
        self.chosen = to_run(self.statements, roots)
        self.made = set().union(*(one.makes for one in self.statements if one.defines))
        chosen = set(self.chosen)
        for i, one in enumerate(self.statements):
            if i not in chosen:
                self._skip(one, f"{one.where} {why_not(one.node)}")
        self._tell_stubs(roots)
        return [[self.statements[i].cell, self.statements[i].node.lineno] for i in self.chosen]

    def run(self, place: int) -> None:
        """Runs one statement of the plan. One that fails costs only the names it binds."""
        one = self.statements[self.chosen[place]]
        file = self._files[one.cell]
        kept = {name: self.namespace[name] for name in self._kept(one) if name in self.namespace}
        try:
            code = compile(ast.Module([one.node], []), file, "exec", self.flags, True)
            self.flags |= code.co_flags & _FUTURE
            if one.defines:
                exec(code, self.namespace)
            else:
                with _as_it_was():
                    exec(code, self.namespace)
        except BaseException as error:
            self._failed(one, file, error)
            return
        finally:
            self.namespace.update(kept)
        for name in bound_names(one.node):
            self.skipped.pop(name, None)

    def give_up(self, place: int, reason: str) -> None:
        """Does not run a statement of the plan; the names that it would bind are missing for this reason."""
        self._skip(self.statements[self.chosen[place]], reason)

    def missing(self, name: str) -> str | None:
        """Why a name may not be there, beyond ``skipped``: statements that grading does not look into."""
        if not (found := unseen(self.statements)):
            return None
        return f"grading does not run what might define `{name}` unseen: {'; '.join(found[:3])}"

    def _kept(self, one: Statement) -> frozenset[str]:
        """The names that a statement binds on the way, and that stay what ``def`` or ``class`` made of them."""
        return frozenset() if one.defines else one.binds - rebinds(one, self.made)

    def _not_code(self, cell: Cell, text: str, where: str) -> None:
        """What a cell that does not run would define: whoever misses a name is told where it stands."""
        fenced = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL) or [text]
        for piece in fenced:
            try:
                tree = ast.parse(transformed(piece))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            for node in tree.body:
                for name in bound_names(node):
                    self.skipped.setdefault(name, clip(f"it {where}, which does not run"))

    def _parse(self, cell: Cell, text: str, file: str) -> ast.Module | None:
        """The cell as a tree. A .py file that cannot be read as a whole is read in pieces."""
        texts, first = [text], None
        if cell.number is None:
            texts += [with_passes(text), transformed(text)]
        for one in texts:
            try:
                return _tree(one, file)
            except SyntaxError as error:
                first = first or error
            except (ValueError, RecursionError, MemoryError) as error:
                self.problems.append(
                    Problem("syntax", clip(f"this cell cannot be read: {error}"), cell.number)
                )
                return None
        self._syntax(cell, first)
        for _ in range(PIECES if cell.number is None else 0):
            text = without_piece(with_passes(text), _line_of(first))
            try:
                return _tree(text, file)
            except SyntaxError as error:
                first = error
                self._syntax(cell, error)
            except (ValueError, RecursionError, MemoryError):
                return None
        return None

    def _syntax(self, cell: Cell, error: SyntaxError) -> None:
        line = error.lineno or 1
        lines = cell.text.split("\n")
        source = lines[min(line, len(lines)) - 1]
        self.problems.append(Problem("syntax", clip(error.msg), cell.number, line, clip(source.strip())))

    def _failed(self, one: Statement, file: str, error: BaseException) -> None:
        text = clip(f"{type(error).__name__}: {message_of(error)}")
        missing = error.name if isinstance(error, NameError) else None
        if missing in self.skipped:  # no fault of this line
            self._skip(one, f"{one.where} needs `{missing}`, which is not there: {self.skipped[missing]}")
            return
        kinds = (*_IMPORTS, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.If, ast.Try)
        if one.defines and isinstance(one.node, kinds):
            kind = "import" if isinstance(one.node, _IMPORTS) else "definition"
            source = linecache.getline(file, one.node.lineno).strip()
            self.problems.append(Problem(kind, text, self.cells[file], one.node.lineno, clip(source)))
        # else an experiment most likely, on names that are not there: to be told to whoever misses the name
        self._skip(one, f"{one.where} failed: {text}")

    def _skip(self, one: Statement, reason: str) -> None:
        for name in one.binds:
            if name not in self.namespace:
                self.skipped[name] = clip(reason)

    def _tell_stubs(self, roots: Sequence[str]) -> None:
        """An exercise that is written, and defined again below by its stub: the last counts."""
        for name in roots:
            made = [one for one in self.statements if one.defines and name in one.makes]
            if len(made) > 1 and is_stub(made[-1].node) and not is_stub(made[-2].node):
                last = made[-1]
                text = f"`{name}` is defined twice, and the last counts: {last.where} has the empty one"
                number = self._read[last.cell].number
                self.problems.append(Problem("twice", clip(text), number, last.node.lineno))


def new_definitions(folder: Path | None = None) -> Definitions:
    """An empty namespace. It is that of a module, so that classes in it know where they belong."""
    module = types.ModuleType(MODULE)
    sys.modules[MODULE] = module
    module.__dict__.update(STAND_INS)
    return Definitions(module.__dict__, folder)


@contextmanager
def _as_it_was():
    """Runs an experiment's statement from one state of chance, and takes back what it set for everybody."""
    dtype, grad, limit = torch.get_default_dtype(), torch.is_grad_enabled(), sys.getrecursionlimit()
    errors = np.geterr()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
        sys.setrecursionlimit(limit)
        np.seterr(**errors)


def _tree(text: str, file: str) -> ast.Module:
    return compile(text, file, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)


def _line_of(error: SyntaxError) -> int:
    """The line that a syntax error is about: for a block without a body the one that begins it."""
    begun = re.search(r"on line (\d+)", error.msg or "")
    return int(begun[1]) if begun else error.lineno or 1


_FUTURE = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})
