"""Run a chapter again whenever something it shows may have changed, and no other chapter.

The execution cache knows a chapter by its cells alone. A chapter also shows what the library, the embedded data, the
stored weights, the measured results and the installed versions make of those cells: all of that is its key. A chapter
whose key is not the one under which it last ran loses its record in the cache, and its page is read again.
"""

import ast
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from cnncourse import imports
from cnncourse.files import write_json

# Files that are read by a module of the library, and so by every chapter that imports it.
READ_BY = {
    "cnncourse.data.atlas": "cnncourse/data/assets/**/*",
    "cnncourse.training.zoo": "cnncourse/training/trained/*",
}
RESULTS = "book/results/*.json"
ALWAYS = ("requirements.txt",)
_CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OPTIONS = re.compile(r"\A(?:---\n.*?^---\n|(?:^:[^\n]*\n)+)", re.MULTILINE | re.DOTALL)


def key(root: Path, chapter: Path) -> str:
    """Sixteen hexadecimal digits that change when something that the chapter shows may have changed."""
    text = chapter.read_text(encoding="utf-8")
    used = {module for code in cells(text) for module in imports.imported_by(code, root)}
    read = {path for module in imports.closure(used, root) for path in root.glob(READ_BY.get(module, "-"))}
    read |= {path for path in root.glob(RESULTS) if path.stem in text}
    read |= {root / name for name in ALWAYS}
    sha = hashlib.sha256(f"{sys.version_info[:2]} {imports.fingerprint(used, root)}".encode())
    for path in sorted(path for path in read if path.is_file()):
        sha.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()[:16]


def cells(text: str) -> Iterator[str]:
    """The code of a chapter's cells."""
    for body in _CELL.findall(text):
        code = _OPTIONS.sub("", body)
        ast.parse(code)  # a cell that cannot be read must not pass for one that imports nothing
        yield code


def choose(app, config) -> None:
    """One cache beside the pages."""
    config.nb_execution_cache_path = str(Path(app.outdir).parent / ".jupyter_cache")


def outdated(app, env, added, changed, removed) -> list[str]:
    """The chapters whose key has changed: their records leave the cache, and Sphinx reads them again."""
    root, known = Path(app.srcdir), _known(app)
    app.execution_keys = {
        name: key(root, path)
        for name in env.found_docs
        if (path := Path(env.doc2path(name))).suffix == ".md"
        and "{code-cell}" in path.read_text(encoding="utf-8")
    }
    stale = [name for name, now in app.execution_keys.items() if known.get(name) != now]
    _forget(app, {str(Path(env.doc2path(name)).resolve()) for name in stale})
    write_json(_file(app), {name: now for name, now in known.items() if name not in stale})
    return stale


def remember(app, exception) -> None:
    """Keeps the keys when the build, and with it every chapter, has succeeded."""
    if exception is None:
        write_json(_file(app), app.execution_keys)


def _file(app) -> Path:
    return Path(app.config.nb_execution_cache_path) / "keys.json"


def _known(app) -> dict[str, str]:
    try:
        return json.loads(_file(app).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _forget(app, paths: set[str]) -> None:
    from jupyter_cache import get_cache

    cache = get_cache(app.config.nb_execution_cache_path)
    for record in cache.list_cache_records():
        if str(Path(record.uri).resolve()) in paths:
            cache.remove_cache(record.pk)


def setup(app):
    app.connect("config-inited", choose)
    app.connect("env-get-outdated", outdated)
    app.connect("build-finished", remember)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
