"""Files that are written whole or not at all, and where the course lies."""

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path


class FileError(Exception):
    """A file is not what it should be, or cannot be written; the message says what is wrong and what to do."""


def package() -> Path:
    """The folder of the package ``cnncourse``."""
    return Path(__file__).resolve().parent


def root() -> Path:
    """The folder that holds the package: the working copy, or ``site-packages`` of an installation."""
    return package().parent


def installed() -> bool:
    """Whether the package lies among installed ones, and not in a working copy."""
    return root().name in ("site-packages", "dist-packages")


def write_beside(path: str | os.PathLike, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file beside ``path``, then rename it: ``path`` is the old file or the new one, whole.

    The folder is made where it is missing.

    Raises:
        FileError: the file cannot be written; what was there before is untouched.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(beside)
        os.replace(beside, path)
    except (OSError, RuntimeError) as error:  # torch's writer turns a full disk into a RuntimeError
        raise FileError(
            f"{path} could not be written: {error}. What was there before is untouched."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write bytes in one piece. Raises FileError."""
    write_beside(path, lambda beside: beside.write_bytes(data))


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write text in UTF-8, with ``\\n`` at the ends of lines, in one piece. Raises FileError."""
    write_bytes(path, text.encode())


def write_json(path: str | os.PathLike, value: object) -> None:
    """Write ``value`` as indented JSON in one piece. Raises FileError, and ValueError for NaN."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")
