"""From cells to definitions, in the worker: a stranger's source is parsed nowhere else.

Only definitions run: imports, functions, classes, and assignments whose right side is a literal, a lambda, or an
expression without calls.
"""

import __future__

import ast
import linecache
import sys
import types
from dataclasses import dataclass, field
from typing import Any

from cnncourse.grading.isolation.session import clip, message_of
from cnncourse.grading.isolation.statements import bound_names, is_definition, parts, why, without_magics
from cnncourse.grading.seam import Cell, Problem

MODULE = "submission"  # the name of the module whose namespace the definitions fill


@dataclass
class Definitions:
    """A namespace that cells have filled, and what went wrong in filling it."""

    namespace: dict[str, Any]
    problems: list[Problem] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    # the number of the cell of each code file name
    cells: dict[str, int | None] = field(default_factory=dict)
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
            for part in parts(node):
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
                self._skip(node, f"{where} {why(node)}, and only definitions are run")
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


_FUTURE = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})
