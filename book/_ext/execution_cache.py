"""Run the chapters again whenever something they show may have changed.

The execution cache knows a chapter by its cells alone. A chapter also shows what the library, the embedded data, the
measured results and the installed versions make of those cells, so their digest is part of the cache's folder. That
folder is a configuration value on which pages depend: when it changes, an incremental build reads every page again.
"""

import hashlib
import shutil
from pathlib import Path

SOURCES = (
    "cnncourse/**/*.py",
    "cnncourse/data/assets/**/*",
    "book/results/*.json",
    "requirements.txt",
)


def digest(root: Path) -> str:
    """Twelve hexadecimal digits that change when the name or the content of any source does."""
    sha = hashlib.sha256()
    for path in sorted({path for pattern in SOURCES for path in root.glob(pattern) if path.is_file()}):
        sha.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()[:12]


def choose(app, config) -> None:
    """Point myst-nb to the cache of this state of the library, and remove those of earlier states."""
    build = Path(app.outdir).parent
    cache = build / f".jupyter_cache-{digest(Path(app.srcdir))}"
    config.nb_execution_cache_path = str(cache)
    for old in build.glob(".jupyter_cache*"):
        if old != cache:
            shutil.rmtree(old, ignore_errors=True)


def setup(app):
    app.connect("config-inited", choose)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
