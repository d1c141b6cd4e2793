"""Solutions from the library, labs from the solutions.

A code cell of ``solutions/NN_name.ipynb`` whose metadata says

    {"cnncourse": {"exercise": "cnncourse.neighbors.plain:l1_distances"}}

holds exactly that code of the library; for a class, ``"blank": ["train", "predict"]`` beside it names the
methods that students write. A cell marked ``{"cnncourse": {"solution": true}}`` is a remark on an answer and
stays out of the lab. A text or a code cell marked ``{"cnncourse": {"install": true}}`` says how to come by the course:
nobody types an address into a notebook. Everything else is given, and reads the same in both notebooks. The library
is read, never imported.
"""

import ast
import builtins
import hashlib
import symtable
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from cnncourse import address, imports
from cnncourse.files import FileError, write_text
from cnncourse.grading.isolation.statements import defined_names, needed_names
from cnncourse.grading.isolation.view import hidden_modules

SOLUTIONS, LABS = "solutions", "labs"
RUN = "run `cnncourse release`"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
CELL_SECONDS = 300  # a cell of a solution that takes longer is a mistake: a notebook has 90 s


@dataclass(frozen=True)
class Fault:
    """Something wrong with a notebook, and where."""

    notebook: str
    cell: str | None
    message: str

    def __str__(self) -> str:
        return f"{self.notebook}{f', {self.cell}' if self.cell else ''}: {self.message}"


class ReleaseError(Exception):
    """What keeps notebooks from being written: a Fault, or a sentence: what, where and what to do."""


# ----------------------------------------------------------------------------------- exercises in the library
@dataclass(frozen=True)
class Answer:
    """The answer to an exercise, as the library has it.

    ``code`` is the code, ``stub`` the same without the bodies, ``hidden`` the lines of those bodies.
    """

    name: str
    module: str
    code: str
    stub: str
    hidden: frozenset[str]


def find_answer(root: Path, reference: str, blank: Iterable[str] = ()) -> Answer:
    """Reads ``package.module:name`` from the files under ``root``; ``blank`` names the methods to take out.

    Raises ReleaseError when it is not there, or has no docstring (which is the exercise's text) or no body.
    """
    module, _, name = reference.partition(":")
    file = _module_file(root, module)
    if file is None:
        raise ReleaseError(
            f"there is no module {module} for the exercise {reference}: correct the cell's metadata"
        )
    source = file.read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            code = "\n".join(source.splitlines()[first - 1 : node.end_lineno])
            return Answer(name, module, code, *_take_out(code, set(blank)))
    raise ReleaseError(
        f"{file.relative_to(root)} defines no {name}: write it there, or correct the cell's metadata"
    )


def _take_out(answer: str, blank: set[str]) -> tuple[str, frozenset[str]]:
    """The code without the bodies that students write, and the lines of these bodies."""
    node = ast.parse(answer).body[0]
    if isinstance(node, ast.FunctionDef):
        functions = [node]
    else:
        functions = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name in blank]
        missing = blank - {function.name for function in functions}
        if missing or not functions:
            raise ReleaseError(f'class {node.name} has no method {missing or ""} to blank: correct "blank"')
    lines, hidden = answer.splitlines(), set()
    for function in reversed(functions):
        text = function.body[0]
        if ast.get_docstring(function) is None or len(function.body) == 1:
            raise ReleaseError(f"{function.name} needs a docstring, which is the exercise's text, and a body")
        body = slice(text.end_lineno, function.end_lineno)
        hidden.update(_telling(lines[body]))
        lines[body] = [f'{" " * text.col_offset}raise NotImplementedError("Write {function.name} here.")']
    return "\n".join(lines), frozenset(hidden - _telling(lines))


def _telling(lines: Iterable[str]) -> set[str]:
    """The lines without indentation; a bracket alone on its line tells nothing."""
    return {line.strip() for line in lines if any(character.isalnum() for character in line)}


def _module_file(root: Path, module: str) -> Path | None:
    path = root.joinpath(*module.split("."))
    candidates = (path.with_name(path.name + ".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


# -------------------------------------------------------------------------------------------- names in a cell
def free_names(source: str) -> set[str]:
    """The names that a cell of definitions takes from outside: bodies, decorators, defaults, annotations."""
    top = symtable.symtable(source, "<cell>", "exec")
    bound = {
        symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()
    }
    return (needed_names(source) | set(_annotation_names(ast.parse(source)))) - bound


def _annotation_names(tree: ast.AST) -> Iterator[str]:
    """Annotations by themselves: one written as a string, or not evaluated, is not in the symbol table."""
    for node in ast.walk(tree):
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
                annotation = ast.parse(annotation.value, mode="eval")
            if annotation is not None:
                yield from (part.id for part in ast.walk(annotation) if isinstance(part, ast.Name))


def _python(cell: NotebookNode) -> str:
    """A cell's code with magics turned into the calls they stand for."""
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager().transform_cell(cell.source)


# ------------------------------------------------------------------------------------------- making notebooks
def make_solution(root: Path, solution: NotebookNode, name: str) -> NotebookNode:
    """The solution with the library's code in its exercise cells, and the way to install it; all else stays.

    Raises ReleaseError where pyproject.toml does not say where the course comes from.
    """
    fresh = nbformat.from_dict(solution)
    for cell in fresh.cells:
        if answer := answer_of(root, cell):
            cell.source = answer.code
        elif _marks(cell).get("install"):
            cell.source = _way_in(root, cell.cell_type, name)
    fresh.metadata["kernelspec"] = KERNEL
    fresh.metadata["language_info"] = {"name": "python"}
    return fresh


def _way_in(root: Path, kind: str, name: str) -> str:
    try:
        course = address.read(root)
    except FileError as error:
        raise ReleaseError(str(error)) from error
    return address.way_in(course, name) if kind == "markdown" else address.first_cell(course)


def make_lab(root: Path, solution: NotebookNode, name: str) -> NotebookNode:
    """The students' notebook: stubs for answers, no outputs, no marks of where the answers are."""
    lab = nbformat.from_dict(solution)
    lab.cells = [cell for cell in lab.cells if not _marks(cell).get("solution")]
    for cell in lab.cells:
        if answer := answer_of(root, cell):
            cell.source = answer.stub
        cell.metadata = {
            key: value for key, value in cell.metadata.items() if key not in ("cnncourse", "tags")
        }
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    lab.metadata = {
        "cnncourse": {"lab": name, "student": ""},
        "kernelspec": KERNEL,
        "language_info": {"name": "python"},
    }
    return nbformat.from_dict(lab)


def answer_of(root: Path, cell: NotebookNode) -> Answer | None:
    """The exercise that a solution's cell is marked with."""
    marks = _marks(cell)
    return find_answer(root, marks["exercise"], marks.get("blank", ())) if "exercise" in marks else None


def _marks(cell: NotebookNode) -> dict:
    return cell.metadata.get("cnncourse", {})


def fingerprint(root: Path, solution: NotebookNode, name: str) -> str:
    """What a solution's outputs come from: its code, its graded tests, and the course's modules that it imports.

    The grader is left out, though ``check`` shows its verdicts: nbval compares those, and says when the grader
    has come to word them in another way. Then ``cnncourse release --again`` runs all solutions. Left out as well is
    how the course is installed, for where it is, that cell does nothing.
    """
    codes = [
        _python(cell)
        for cell in solution.cells
        if cell.cell_type == "code" and not _marks(cell).get("install")
    ]
    used = {module for code in codes for module in imports.imported_by(code, root)}
    used = {module for module in used if not module.startswith("cnncourse.grading")}
    graded = sorted((root / "tests" / "labs" / name).glob("*.py"))
    parts = [*codes, imports.fingerprint(used, root), *(path.read_text(encoding="utf-8") for path in graded)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def run(root: Path, path: Path, solution: NotebookNode) -> None:
    """Executes every cell in a fresh kernel and keeps the outputs. Raises ReleaseError where a cell fails."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    client = NotebookClient(
        solution,
        timeout=CELL_SECONDS,
        kernel_name=KERNEL["name"],
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
    )
    where = path.relative_to(root).as_posix()
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError) as error:
        raise ReleaseError(Fault(where, None, f"does not run through: {error}")) from error
    solution.metadata["kernelspec"] = KERNEL
    solution.metadata["language_info"] = {"name": "python"}  # not the patch version of whoever ran it


def read(root: Path, path: Path) -> NotebookNode:
    """A notebook, valid. Raises ReleaseError that names the file."""
    where = path.relative_to(root).as_posix()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a cell without an id gets a random one, and a warning
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
    except Exception as error:
        message = f"is not a valid notebook: {str(error).splitlines()[0]}"
        raise ReleaseError(Fault(where, None, message)) from error
    return notebook


def text_of(notebook: NotebookNode) -> str:
    """A notebook as it is written: the same text for the same notebook, ending in one newline."""
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"


def _write(path: Path, notebook: NotebookNode) -> bool:
    """Writes beside and renames; a file that would not change is left alone, and False returned."""
    text = text_of(notebook)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    write_text(path, text)
    return True


def release(root: Path, again: bool = False, say: Callable[[str], None] = print) -> None:
    """Writes the exercise cells, runs the solutions that changed (all if ``again``), writes the labs.

    Raises ReleaseError for what keeps a notebook from being written.
    """
    for path in _solutions(root):
        solution = make_solution(root, read(root, path), path.stem)
        if unresolved := list(_unresolved(root, path, solution)):
            raise ReleaseError("\n".join(map(str, unresolved)))
        key = fingerprint(root, solution, path.stem)
        marks = solution.metadata.setdefault("cnncourse", {})
        if again or marks.get("ran") != key:
            say(f"running {path.relative_to(root)}")
            run(root, path, solution)
            marks["ran"] = key
        for file, notebook in ((path, solution), (_lab(root, path), make_lab(root, solution, path.stem))):
            if _write(file, notebook):
                say(f"wrote {file.relative_to(root)}")


def _solutions(root: Path) -> list[Path]:
    folder = root / SOLUTIONS
    if not folder.is_dir():
        raise ReleaseError(
            f"there is no {folder}: releasing labs needs a checkout of the course, not a copy of it"
        )
    return sorted(folder.glob("*.ipynb"))


def _lab(root: Path, solution: Path) -> Path:
    return root / LABS / solution.name


# --------------------------------------------------------------------------------------------------- checking
def check(root: Path) -> list[Fault]:
    """Everything that is wrong with solutions and labs; runs and writes nothing.

    Raises ReleaseError where there are no solutions.
    """
    findings = []
    solutions = _solutions(root)
    for path in solutions:
        try:
            solution = read(root, path)
            fresh = make_solution(root, solution, path.stem)
            findings += _check_solution(root, path, solution, fresh)
            findings += _check_lab(root, path, fresh)
        except (ReleaseError, SyntaxError) as error:
            known = error.args and isinstance(error.args[0], Fault)
            findings.append(
                error.args[0] if known else Fault(path.relative_to(root).as_posix(), None, str(error))
            )
    for lab in sorted((root / LABS).glob("*.ipynb")):
        if lab.name not in {path.name for path in solutions}:
            findings.append(
                Fault(f"{LABS}/{lab.name}", None, f"no {SOLUTIONS}/{lab.name} to make it from: delete it")
            )
    return findings


def _place(notebook: NotebookNode, cell: NotebookNode) -> str:
    number = next(number for number, other in enumerate(notebook.cells, 1) if other is cell)
    return f"cell {number} ({cell.id})"


def _check_solution(root: Path, path: Path, solution: NotebookNode, fresh: NotebookNode) -> Iterator[Fault]:
    where = path.relative_to(root).as_posix()
    for cell, new in zip(solution.cells, fresh.cells, strict=True):
        if cell.source != new.source:
            source = _marks(cell).get("exercise")
            message = f"is not the code of {source} any more: {RUN}"
            if source is None:
                message = f"is not how the course that pyproject.toml describes is installed: {RUN}"
            yield Fault(where, _place(solution, cell), message)
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                yield Fault(
                    where, _place(solution, cell), f"holds an error, {output.ename}: mend it, then {RUN}"
                )
    yield from _unresolved(root, path, fresh)
    if solution.metadata.get("cnncourse", {}).get("ran") != fingerprint(root, fresh, path.stem):
        yield Fault(
            where, None, f"was not run since its cells, or the library that it imports, changed: {RUN}"
        )
    elif text_of(solution) != path.read_text(encoding="utf-8"):
        yield Fault(where, None, f"was saved by another program in a form of its own: {RUN}")


def _unresolved(root: Path, path: Path, solution: NotebookNode) -> Iterator[Fault]:
    """Names in exercises that the notebook has not defined by then; imports that grading has not got."""
    where = path.relative_to(root).as_posix()
    answers = [answer for cell in solution.cells if (answer := answer_of(root, cell))]
    hidden = set(hidden_modules(*(answer.module for answer in answers), root=root))
    known = set(dir(builtins))
    for cell in solution.cells:
        if cell.cell_type != "code" or _marks(cell).get("solution"):
            continue
        tree = ast.parse(_python(cell))
        if answer := answer_of(root, cell):
            for name in sorted(free_names(answer.code) - known):
                message = f"{answer.name} uses `{name}`: import or define it in a cell before"
                yield Fault(where, _place(solution, cell), message)
        top = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        for module in sorted(imports.imported_by("\n".join(top), root) & hidden):
            message = f"imports {module}, which grading hides: import it inside a function"
            yield Fault(where, _place(solution, cell), message)
        known |= defined_names(_python(cell))


def _check_lab(root: Path, path: Path, fresh: NotebookNode) -> Iterator[Fault]:
    file = _lab(root, path)
    where = file.relative_to(root).as_posix()
    if not file.is_file():
        yield Fault(where, None, f"is not there: {RUN}")
        return
    lab = read(root, file)
    findings = [*_outputs_and_marks(where, lab), *_leaks(root, where, fresh, lab)]
    yield from findings
    if not findings:
        yield from _drift(where, file, lab, make_lab(root, fresh, path.stem))


def _outputs_and_marks(where: str, lab: NotebookNode) -> Iterator[Fault]:
    for cell in lab.cells:
        if cell.get("outputs") or cell.get("execution_count"):
            yield Fault(where, _place(lab, cell), f"holds an output or was run: {RUN}")
        for key in sorted({"cnncourse", "tags"} & set(cell.metadata)):
            yield Fault(where, _place(lab, cell), f'holds a marker, metadata "{key}": {RUN}')
    for key in sorted(set(lab.metadata.get("cnncourse", {})) - {"lab", "student"}):
        yield Fault(where, None, f'holds a marker, metadata "cnncourse.{key}": {RUN}')


def _leaks(root: Path, where: str, solution: NotebookNode, lab: NotebookNode) -> Iterator[Fault]:
    """Lines of answers anywhere in the lab that no given cell of the solution shows."""
    answers = {cell.id: answer for cell in solution.cells if (answer := answer_of(root, cell))}
    given = set()
    for cell in solution.cells:
        if cell.id not in answers and not _marks(cell).get("solution"):
            given |= _telling(cell.source.splitlines())
    for cell in lab.cells:
        shown = {line for text in _strings(cell) for line in _telling(text.splitlines())}
        for answer in answers.values():
            for line in sorted(answer.hidden & shown - given):
                yield Fault(
                    where, _place(lab, cell), f"holds a line of {answer.name}'s answer, `{line}`: {RUN}"
                )


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def _drift(where: str, file: Path, lab: NotebookNode, fresh: NotebookNode) -> Iterator[Fault]:
    """The first cell in which the lab differs from what its solution makes."""
    for old, new in zip(lab.cells, fresh.cells, strict=False):
        if old != new:
            yield Fault(
                where, _place(lab, old), f"is not what the solution makes: edit the solution, then {RUN}"
            )
            return
    if text_of(fresh) != file.read_text(encoding="utf-8"):
        yield Fault(where, None, f"is not what the solution makes: edit the solution, then {RUN}")
