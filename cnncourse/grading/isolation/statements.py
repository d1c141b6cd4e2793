"""What of a submission's code is a definition: the one answer, for grading, for ``check`` and for the labs' release."""

import ast
import re
from collections.abc import Iterator


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


def parts(node: ast.stmt) -> Iterator[ast.stmt]:
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


def is_main(node: ast.If) -> bool:
    """``if __name__ == "__main__":`` is how a script says: not when you import me."""
    return any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test))


def why(node: ast.stmt) -> str:
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        return "assigns what a call returns"
    if isinstance(node, ast.If) and is_main(node):
        return "is for running the file as a program"
    return "does something"


def defined_names(source: str) -> set[str]:
    """The names that a piece of code defines for what comes after it, as far as only definitions run."""
    return {name for node in ast.parse(source).body if is_definition(node) for name in bound_names(node)}
