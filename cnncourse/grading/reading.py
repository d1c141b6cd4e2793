"""A file that was handed in, as cells of text. Reading knows JSON and nothing of Python: that is for the worker."""

import errno
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cnncourse.grading.seam import Cell, Problem

MAX_FILE = 16 * 2**20  # as Python objects JSON takes up to 25 times its length
MAX_CODE = 2**20  # as JSON, in which it travels to the worker
MAX_CELLS = 500  # each cell of a .py file may hold as many empty lines as stand before it


@dataclass(frozen=True)
class HandIn:
    """What a file holds: its code cells, whose it is, and what is wrong with the file itself."""

    cells: tuple[Cell, ...]
    who: str
    problem: Problem | None = None
    lab: str = ""  # the lab that the notebook's metadata names


def read(path: str | os.PathLike) -> HandIn:
    """Reads a notebook or a .py file without running or parsing any of its Python.

    ``who`` is ``student`` (inside ``cnncourse`` or beside it) or the first of ``authors`` in the notebook's
    metadata, else the name of the file. What is wrong with the file is its ``problem``: nothing is raised.
    """
    path = Path(path)
    try:
        text = _text(path)
        if path.suffix == ".py":
            return HandIn(_sections(text), path.stem)
        notebook = _notebook(text)
        who = _who(notebook) or path.stem
        cells = tuple(_cells(notebook))
        _bounded(len(cells), *(cell.text for cell in cells))
        return HandIn(cells, who, lab=_course(notebook).get("lab") or "")
    except _Unreadable as error:
        return HandIn((), path.stem, Problem("file", str(error)))


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


_DEFINES = re.compile(r"^(?:def|class|import|from) ", re.MULTILINE)  # code that was typed into a cell of text


def _cells(notebook: dict) -> Iterator[Cell]:
    number = 0
    for place, cell in enumerate(notebook["cells"], 1):
        if not isinstance(cell, dict):
            continue
        source = cell.get("source", "")
        lines = source if isinstance(source, list) else [source]
        text = "".join(line for line in lines if isinstance(line, str)).encode("utf-8", "replace").decode()
        if cell.get("cell_type") == "code":
            number += 1
            yield Cell(number, text)
        elif cell.get("cell_type") in ("markdown", "raw") and _DEFINES.search(text):
            yield Cell(place, text, cell["cell_type"])


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
