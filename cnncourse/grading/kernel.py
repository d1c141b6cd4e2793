"""What grading will not have of what a notebook's kernel has: ``check`` says it beside its praise."""

import ast
import builtins
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cnncourse import imports
from cnncourse.grading import reading
from cnncourse.grading.isolation.statements import Statement, bound_names, needed, read_all
from cnncourse.grading.isolation.view import hidden_modules
from cnncourse.grading.lab import Lab
from cnncourse.grading.seam import Cell

RULE = (
    "Grading runs a file's imports, functions and classes, and of the rest what your exercises need by name: no "
    "experiments, nothing that was typed elsewhere."
)


def session_cells() -> list[Cell]:
    """What was run in this notebook or IPython session, in its order; nothing outside of one."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        return []
    return [Cell(number, text) for number, text in enumerate(shell.history_manager.input_hist_raw) if number]


def saved_file(namespace: Mapping[str, Any]) -> Path | None:
    """The file of this notebook, where Jupyter or VS Code say which one it is."""
    said = namespace.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    path = Path(str(said)) if said else None
    return path if path is not None and path.suffix == ".ipynb" and path.is_file() else None


def differences(exercise: str, lab: Lab, namespace: Mapping[str, Any], cells: Sequence[Cell]) -> list[str]:
    """What of an exercise, as the kernel has it, grading will not have: a line for each."""
    statements = read_all(cells)
    needs = needed(statements, [exercise], last=True)
    chosen = [statements[i] for i in sorted(needs.places)]
    names = sorted(name for name in needs.names if name in namespace and not hasattr(builtins, name))
    return [
        *_unbound(names, chosen, statements, namespace),
        *_bound_elsewhere(names, chosen, statements),
        *_hidden_imports(chosen, lab),
        *_not_saved(names, chosen, saved_file(namespace)),
        *_defaults(),
    ]


def _unbound(names, chosen: list[Statement], statements: list[Statement], namespace) -> list[str]:
    bound = {name for one in chosen for name in one.binds}
    stars = [
        sys.modules.get(one.node.module)
        for one in statements
        if isinstance(one.node, ast.ImportFrom) and one.node.names[0].name == "*"
    ]
    return [
        f"`{name}` is there, but no statement that grading runs defines it: define it in a cell of its own."
        for name in names
        if name not in bound and not any(getattr(star, name, None) is namespace[name] for star in stars)
    ]


def _bound_elsewhere(names, chosen: list[Statement], statements: list[Statement]) -> list[str]:
    """Names that something else bound last, an experiment that grading does not run."""
    found = []
    for name in names:
        last = next((one for one in reversed(statements) if name in bound_names(one.node)), None)
        own = next((one for one in reversed(chosen) if name in one.binds), None)
        if last is not None and own is not None and last not in chosen:
            line = f"`{name}` is here what {_place(last)} made of it; grading takes that of {_place(own)}"
            found.append(f"{line}. Give the other one another name.")
    return found


def _hidden_imports(chosen: list[Statement], lab: Lab) -> list[str]:
    texts = {one: text for one in chosen if "cnncourse" in (text := ast.unparse(one.node))}
    if not texts:
        return []
    hidden = set(hidden_modules(*lab.hidden))
    return [
        f"{_place(one)} imports {', '.join(sorted(found))}, which grading hides: what counts is your own code."
        for one, text in texts.items()
        if (found := imports.imported_by(text) & hidden)
    ]


def _not_saved(names, chosen: list[Statement], file: Path | None) -> list[str]:
    if file is None:
        return []
    saved = {name for one in read_all(reading.read(file).cells) for name in one.binds}
    bound = {name for one in chosen for name in one.binds}
    return [
        f"`{name}` is not in the saved file {file.name}: save the notebook, or put its cell back."
        for name in names
        if name in bound and name not in saved
    ]


def _defaults() -> list[str]:
    torch = sys.modules.get("torch")
    if torch is None:
        return []
    found = []
    if torch.get_default_dtype() != torch.float32:
        found.append(f"torch's default dtype is {torch.get_default_dtype()} here; grading has torch.float32.")
    if not torch.is_grad_enabled():
        found.append("torch records no gradients here; grading has them switched on.")
    if torch.get_default_device().type != "cpu":
        found.append(f"torch's default device is {torch.get_default_device()} here; grading has the CPU.")
    return found


def _place(one: Statement) -> str:
    return f"line {one.node.lineno} of input [{one.cell + 1}]"
