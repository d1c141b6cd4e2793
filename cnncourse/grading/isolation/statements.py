"""What of a submission's code runs: the one answer, for grading, for ``check`` and for the labs' release.

Definitions always run: imports, functions, classes, and what calls nothing. Of all other statements those run that bind
or change a name which the exercises need, by name and transitively (``CHUNK = int(2e6)``, ``vote = partial(...)``, a
``def`` inside ``with``); experiments, plots and training do not.
"""

import ast
import contextlib
import re
import symtable
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from cnncourse.grading.seam import Cell

_PYTHON_CELLS = {"%%time", "%%capture", "%%prun"}  # cell magics whose cells define names as any other
_DYNAMIC = {
    "exec",
    "eval",
    "globals",
    "locals",
    "vars",
    "run_line_magic",
    "run_cell_magic",
    "__import__",
    "path",
}


# ---- text


def python_of(cell: Cell) -> str | None:
    """A cell's text as Python, line for line: what IPython makes of its magics, prompts and indentation.

    None for a cell whose magic does not run it here (``%%timeit``, ``%%writefile``, ``%%bash``).
    """
    if cell.number is None:  # a .py file
        return cell.text
    lines = cell.text.split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        if lines[first].split()[0] not in _PYTHON_CELLS:
            return None
        lines[first] = ""
        first = next((i for i, line in enumerate(lines) if line.strip()), first)
    return "\n" * first + transformed("\n".join(lines[first:]))


def transformed(text: str) -> str:
    """What IPython makes of a cell's text: of Python, nothing else."""
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        compile(text, "<cell>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
        return text
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return TransformerManager().transform_cell(text)
    except Exception:  # it reads tokens, of which a text may have none that make sense
        return text


def with_passes(text: str) -> str:
    """A .py file with the magics that a notebook's export left as comments where a statement has to stand."""
    return re.sub(r"^([ \t]+)# ?[%!].*$", r"\1pass", text, flags=re.MULTILINE)


def without_piece(text: str, line: int) -> str:
    """The text without the piece around ``line`` (from 1), as far as lines begin anew: its lines are blank then."""
    lines = text.split("\n")
    begins = [
        i
        for i, one in enumerate(lines)
        if re.match(r"[^\s#)\]}]", one) and (i == 0 or not lines[i - 1].strip())
    ]
    start = max((i for i in begins if i < line), default=0)
    end = min((i for i in begins if i >= line), default=len(lines))
    return "\n".join([*lines[:start], *[""] * (end - start), *lines[end:]])


def read_all(cells: Iterable[Cell]) -> list["Statement"]:
    """The statements of cells, as far as these can be read."""
    found = []
    for position, cell in enumerate(cells):
        text = python_of(cell) if cell.kind == "code" else None
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            if text is not None:
                tree = compile(
                    text, "<cell>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True
                )
                found += statements_of(position, tree, cell.number)
    return found


# ---- statements


@dataclass(frozen=True)
class Statement:
    """A top-level statement of a submission: ``cell`` is the position of its cell, ``where`` its place in words."""

    cell: int
    where: str
    node: ast.stmt

    @cached_property
    def defines(self) -> bool:
        """Whether it runs in any case."""
        return is_definition(self.node)

    @cached_property
    def outside(self) -> list[ast.AST]:
        """The statement and what is in it, without what functions and classes hold."""
        return _outside(self.node)

    @cached_property
    def binds(self) -> frozenset[str]:
        """The names that it binds, deletes or puts something into."""
        return frozenset([*_bound(self.outside), *_targets(self.outside)])

    @cached_property
    def touches(self) -> frozenset[str]:
        """The names of objects a method of which it calls for its effect: ``layers.append(..)``."""
        return frozenset(_touched(self.outside))

    @cached_property
    def makes(self) -> frozenset[str]:
        """The names that it makes by ``def`` or ``class``, inside ``with``, ``for`` or ``if`` too."""
        return frozenset(_made(self.outside))

    @cached_property
    def needs(self) -> frozenset[str]:
        """The names of the module that it, or what it defines, reads."""
        try:
            return frozenset(needed_names(ast.unparse(self.node)))
        except (RecursionError, SyntaxError, MemoryError):  # nested deeper than these can follow
            return frozenset()

    @cached_property
    def never(self) -> bool:
        """Whether it is for running the file as a program, or awaits something."""
        return (isinstance(self.node, ast.If) and is_main(self.node)) or any(_awaits(self.outside))


def statements_of(cell: int, tree: ast.Module, number: int | None) -> Iterator[Statement]:
    """The statements of one cell, an import of several names as one each: one that fails costs only its own."""
    for node in tree.body:
        where = f"line {node.lineno}" if number is None else f"cell {number}, line {node.lineno}"
        for part in _parts(node):
            yield Statement(cell, where, part)


@dataclass(frozen=True)
class Needs:
    """What some names need: the places of the statements, and all names that these read or bind."""

    places: frozenset[int]
    names: frozenset[str]


def needed(statements: Sequence[Statement], roots: Iterable[str], last: bool = False) -> Needs:
    """What the ``roots`` need of the statements, definitions among them.

    A name that ``def`` or ``class`` made counts as bound again only by a statement that reads it, or makes it anew:
    ``distances, nearest = best(images)`` in an experiment does not take the place of an exercise. With ``last``, of the
    statements that bind a name anew only the last one counts, as in a session in which cells were run again.
    """
    made = set().union(*(s.makes for s in statements if s.defines))
    assigned = set().union(*(s.binds - s.makes for s in statements if not isinstance(s.node, _IMPORTS)))
    providers: dict[str, list[int]] = {}
    for i, one in enumerate(statements):
        if one.never:
            continue
        for name in rebinds(one, made) | (one.touches & assigned):
            if last and name in bound_names(one.node) and name not in one.needs:
                providers.pop(name, None)
            providers.setdefault(name, []).append(i)
    found, known, waiting = set(), set(), list(roots)
    while waiting:
        name = waiting.pop()
        if name in known:
            continue
        known.add(name)
        for i in providers.get(name, ()):
            if i not in found:
                found.add(i)
                waiting += statements[i].needs
    return Needs(frozenset(found), frozenset(known))


def to_run(statements: Sequence[Statement], roots: Iterable[str]) -> list[int]:
    """The places of the statements that run, in their order."""
    chosen = needed(statements, roots).places
    return [i for i, one in enumerate(statements) if one.defines or i in chosen]


def rebinds(statement: Statement, made: Collection[str]) -> frozenset[str]:
    """The names that a statement binds, without those of ``def`` or ``class`` that it does not go on from."""
    if statement.defines:
        return statement.binds
    return frozenset(
        name
        for name in statement.binds
        if name not in made or name in statement.makes or name in statement.needs
    )


def unseen(statements: Sequence[Statement]) -> list[str]:
    """Statements that may define names in ways that cannot be read off the text, as they are to be shown."""
    return [
        f"{one.where}: {ast.unparse(one.node)[:60]}"
        for one in statements
        if not one.defines and any(map(_is_dynamic, ast.walk(one.node)))
    ]


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
                not is_main(node)
                and _calls_nothing(node.test)
                and all(map(is_definition, node.body + node.orelse))
            )
        case ast.Try():
            handled = [statement for handler in node.handlers for statement in handler.body]
            return all(map(is_definition, node.body + handled + node.orelse + node.finalbody))
    return type(node).__name__ == "TypeAlias"  # ``type X = ...``, from Python 3.12


def is_stub(node: ast.stmt) -> bool:
    """Whether a function is, or a class holds, an exercise that nobody has written yet."""
    functions = [part for part in ast.walk(node) if isinstance(part, ast.FunctionDef)]
    return any(
        isinstance(last := function.body[-1], ast.Raise) and "NotImplementedError" in ast.unparse(last)
        for function in functions
    )


def bound_names(node: ast.AST) -> set[str]:
    """The names that a statement binds, nested statements included, but not what functions bind inside."""
    return set(_bound(_outside(node)))


def defined_names(source: str) -> set[str]:
    """The names that a piece of code defines for what comes after it, as far as only definitions run."""
    return {name for node in ast.parse(source).body if is_definition(node) for name in bound_names(node)}


def needed_names(source: str) -> set[str]:
    """The names that code takes from its module: in bodies, decorators, defaults, bases and evaluated annotations."""
    top = symtable.symtable(source, "<cell>", "exec")
    used = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    for table in _inside(top):
        used |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return used


def is_main(node: ast.If) -> bool:
    """``if __name__ == "__main__":`` is how a script says: not when you import me."""
    return any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test))


def why_not(node: ast.stmt) -> str:
    """Why a statement does not run, for whoever misses what it binds."""
    if isinstance(node, ast.If) and is_main(node):
        return "is for running the file as a program"
    what = "assigns what a call returns" if isinstance(node, _ASSIGNMENTS) else "does something"
    return f"{what}, and grading runs only what the exercises need"


# ---- reading trees

_IMPORTS = (ast.Import, ast.ImportFrom)
_ASSIGNMENTS = (ast.Assign, ast.AugAssign, ast.AnnAssign)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def _parts(node: ast.stmt) -> Iterator[ast.stmt]:
    if not isinstance(node, _IMPORTS):
        yield node
        return
    for alias in node.names:
        only = (
            ast.Import([alias])
            if isinstance(node, ast.Import)
            else ast.ImportFrom(node.module, [alias], node.level)
        )
        yield ast.copy_location(only, node)


def _inside(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inside(child)


def _outside(node: ast.AST) -> list[ast.AST]:
    """A node and what is in it, without what functions and classes hold, and without comprehensions' own variables."""
    found, waiting = [], [node]
    while waiting:
        node = waiting.pop()
        found.append(node)
        if isinstance(node, ast.comprehension):
            waiting += [node.iter, *node.ifs]
        elif not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)
    return found


def _bound(parts: Iterable[ast.AST]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, ast.Name):
            if isinstance(part.ctx, ast.Store):
                yield part.id
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield part.name
        elif isinstance(part, ast.alias) and part.name != "*":
            yield (part.asname or part.name).partition(".")[0]
        elif isinstance(part, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and part.name:
            yield part.name
        elif isinstance(part, ast.MatchMapping) and part.rest:
            yield part.rest


def _root(node: ast.AST) -> str | None:
    """The name that ``n.a[i].b`` begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _targets(parts: Iterable[ast.AST]) -> Iterator[str]:
    """Of ``n.x = ..``, ``n[i] = ..`` and ``del n`` the n."""
    for part in parts:
        if isinstance(part, ast.Attribute | ast.Subscript | ast.Name) and isinstance(
            part.ctx, ast.Store | ast.Del
        ):
            if name := _root(part):
                if not isinstance(part, ast.Name) or isinstance(part.ctx, ast.Del):
                    yield name


def _touched(parts: Iterable[ast.AST]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, ast.Expr) and isinstance(call := part.value, ast.Call):
            if isinstance(call.func, ast.Attribute) and (name := _root(call.func)):
                yield name
            elif isinstance(call.func, ast.Name) and call.func.id == "setattr" and call.args:
                if name := _root(call.args[0]):
                    yield name


def _made(parts: Iterable[ast.AST]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield part.name


def _is_dynamic(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and node.attr == "path":
        return isinstance(node.value, ast.Name) and node.value.id == "sys"
    return getattr(node, "id", getattr(node, "attr", "")) in _DYNAMIC


def _awaits(parts: Iterable[ast.AST]) -> Iterator[bool]:
    for part in parts:
        if isinstance(part, ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield True


def _calls_nothing(node: ast.AST) -> bool:
    if isinstance(node, ast.Lambda):  # calls when it is called
        return all(map(_calls_nothing, [*node.args.defaults, *filter(None, node.args.kw_defaults)]))
    if isinstance(node, ast.Call | ast.Await | ast.Yield | ast.YieldFrom):
        return False
    return all(map(_calls_nothing, ast.iter_child_nodes(node)))
