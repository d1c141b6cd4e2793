"""What depends on what, read from the sources: nothing is imported.

An edge goes from a module to each module of the package that its source imports, inside functions and under
``TYPE_CHECKING`` too. ``from package import module`` is an edge to that module alone, ``from package import name``
one to the package's ``__init__``. That a package's ``__init__`` runs whenever one of its modules is imported does not
count, or everything would depend on everything beside it.

Everything here takes ``root``, the folder that holds the package; a copy of it may be asked about, too.
"""

import ast
import hashlib
import io
import tokenize
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path

from cnncourse import files

PACKAGE = "cnncourse"


def modules(root: Path | None = None) -> dict[str, Path]:
    """The package's modules: dotted name -> file. The graded tests that travel with an installation are none."""
    root = root or files.root()
    found = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[:3] != (PACKAGE, "grading", "labs"):
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def mentioned(source: str, package: str = "") -> set[str]:
    """The dotted names that a source may import; of ``from a import b`` both ``a`` and ``a.b``: b may be a module.

    Args:
        source: Python.
        package: the package that the source lies in, for relative imports.
    """
    return {name for names in _imports(ast.parse(source), package) for name in names}


def _imports(tree: ast.AST, package: str) -> Iterable[tuple[str, ...]]:
    """For each name that is imported what it may be: the module ``a.b``, or a name in ``a``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name,) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, [base, node.module]))
            yield from ((f"{origin}.{alias.name}", origin) for alias in node.names)


def edges(root: Path | None = None) -> dict[str, frozenset[str]]:
    """The modules of the package that each of them imports."""
    known = modules(root)
    return {name: _edges_of(path, name, known) for name, path in known.items()}


def _edges_of(path: Path, name: str, known: Mapping[str, Path]) -> frozenset[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return _known(_read(path, path.stat().st_mtime_ns), package, known)


def _known(source: str, package: str, known: Mapping[str, Path]) -> frozenset[str]:
    """Of each import the first that is a module: ``a.b`` before ``a``."""
    found = (next((n for n in names if n in known), None) for names in _candidates(source, package))
    return frozenset(found) - {None}


@cache
def _candidates(source: str, package: str) -> tuple[tuple[str, ...], ...]:
    return tuple(_imports(ast.parse(source), package))


@cache
def _read(path: Path, modified: int) -> str:
    return path.read_text(encoding="utf-8")


def imported_by(source: str, root: Path | None = None) -> frozenset[str]:
    """The modules of the package that a piece of code outside it imports."""
    return _known(source, "", modules(root))


def closure(names: Iterable[str], root: Path | None = None) -> frozenset[str]:
    """These modules and everything of the package that they import, directly or not."""
    return _reach(names, edges(root))


def dependants(names: Iterable[str], root: Path | None = None) -> frozenset[str]:
    """These modules, what lies below them, and every module that imports one of these, directly or not."""
    graph = edges(root)
    names = [name for name in graph for start in names if name == start or name.startswith(f"{start}.")]
    reverse: dict[str, set[str]] = {name: set() for name in graph}
    for name, others in graph.items():
        for other in others:
            reverse[other].add(name)
    return _reach(names, reverse)


def _reach(names: Iterable[str], graph: Mapping[str, Collection[str]]) -> frozenset[str]:
    found, left = set(), list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += graph.get(name, ())
    return frozenset(found)


def circles(root: Path | None = None) -> list[list[str]]:
    """Groups of modules that import each other, in functions too; imports under ``TYPE_CHECKING`` count as well."""
    graph = edges(root)
    reach = {name: _reach(graph[name], graph) for name in graph}
    groups = {
        frozenset({name} | {o for o in reach[name] if name in reach[o]})
        for name in graph
        if name in reach[name]
    }
    return sorted(map(sorted, groups))


def fingerprint(names: Iterable[str], root: Path | None = None, docstrings: bool = False) -> str:
    """Sixteen hexadecimal digits that change when what these modules do may have changed.

    All that they import counts, and how it is written does not: comments, blank lines, line breaks within brackets,
    and docstrings unless ``docstrings`` says that these are shown.
    """
    known = modules(root)
    sha = hashlib.sha256()
    for name in sorted(closure(names, root)):
        path = known.get(name)
        sha.update(f"{name}\0".encode())
        if path is not None:
            sha.update(behaviour(_read(path, path.stat().st_mtime_ns), docstrings).encode())
    return sha.hexdigest()[:16]


@cache
def behaviour(source: str, docstrings: bool = False) -> str:
    """A source without comments, layout and docstrings; the same text on every version of Python."""
    lines = source.splitlines(keepends=True)
    skipped = set() if docstrings else set(_docstrings(ast.parse(source)))
    kept, deep, start, within = [], 0, (0, 0), False
    fstring = {getattr(tokenize, f"FSTRING_{end}", -1): step for end, step in (("START", 1), ("END", -1))}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        step = fstring.get(token.type, 0)
        if step == 1 and not deep:
            start = token.start  # from Python 3.12 on an f-string is many tokens
        deep += step
        if step == -1 and not deep:
            kept.append(_between(lines, start, token.end))
        elif deep or step or token.type in (tokenize.COMMENT, tokenize.NL):
            continue
        elif token.start in skipped:
            within = True
        elif within:  # the end of its line, or a string that is a part of it
            within = token.type == tokenize.STRING
        elif token.type == tokenize.INDENT:
            kept.append("{")
        elif token.type == tokenize.DEDENT:
            kept.append("}")
        else:
            kept.append(token.string.strip("\r\n"))
    return "\n".join(kept)


def _docstrings(tree: ast.AST) -> Iterable[tuple[int, int]]:
    """Where the docstrings of a module, its classes and functions begin."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                yield first.value.lineno, first.value.col_offset


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]]
    middle = lines[start[0] : end[0] - 1]
    return "".join([lines[start[0] - 1][start[1] :], *middle, lines[end[0] - 1][: end[1]]])
