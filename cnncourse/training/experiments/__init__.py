"""The lecture's empirical claims as experiments that anyone can repeat: ``cnncourse reproduce NAME``.

An experiment is a module of this package, called as the experiment. Its docstring's first line is the claim, and it has

* ``SEEDS``, how many times it is repeated;
* ``SETTINGS``, scale -> what the experiment does at that scale: "cpu" takes a few minutes on two cores, "full" is the
  size of the real data set;
* ``run(settings, seed, data, progress) -> dict``, one repetition: figures that JSON can hold. ``data`` is the folder of
  a real data set or None for the embedded one; ``progress(text)`` says what is being done.

`reproduce` repeats one and writes what the book reads: one small file with the figures of every seed.
"""

import importlib
import json
import os
import pkgutil
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType

RESULTS = Path(__file__).resolve().parents[3] / "book" / "results"
_PACKAGES = ("cnncourse", "numpy", "torch")


def names() -> list[str]:
    """The experiments there are."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if not name.startswith("_"))


def experiment(name: str) -> ModuleType:
    """The module of an experiment.

    Raises:
        ValueError: there is none of that name; says which there are.
    """
    if name not in names():
        raise ValueError(f"No experiment is called {name!r}; there are {', '.join(names())}.")
    return importlib.import_module(f"{__name__}.{name}")


def claim(name: str) -> str:
    """What an experiment shows, in one line."""
    return (experiment(name).__doc__ or "").splitlines()[0]


def reproduce(
    name: str,
    scale: str = "cpu",
    data: str | os.PathLike | None = None,
    folder: Path = RESULTS,
    progress: Callable[[str], None] = lambda text: None,
) -> Path:
    """Run an experiment once for each seed and write ``folder/name.json``, whole or not at all.

    Raises:
        ValueError: an unknown experiment or scale.
    """
    module = experiment(name)
    if scale not in module.SETTINGS:
        raise ValueError(
            f"Experiment {name} has no scale {scale!r}; there are {', '.join(sorted(module.SETTINGS))}."
        )
    settings, runs, start = module.SETTINGS[scale], [], time.perf_counter()
    for seed in range(module.SEEDS):
        said = f"seed {seed} of 0–{module.SEEDS - 1}"
        runs.append(module.run(settings, seed, data, lambda text, said=said: progress(f"{said}: {text}")))
    return _write(
        folder / f"{name}.json",
        {
            "experiment": name,
            "claim": claim(name),
            "scale": scale,
            "data": "real" if data else "embedded",
            "settings": asdict(settings) if is_dataclass(settings) else dict(settings),
            "seeds": list(range(module.SEEDS)),
            "runs": runs,
            "seconds": round(time.perf_counter() - start, 1),
            "versions": {package: metadata.version(package) for package in _PACKAGES}
            | {"python": platform.python_version()},
        },
    )


def result(name: str, folder: Path = RESULTS) -> dict:
    """The stored result of an experiment.

    Raises:
        FileNotFoundError: it has not been run; says how to.
    """
    path = folder / f"{name}.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: `cnncourse reproduce {name}` writes it.")
    return json.loads(path.read_text())


def _write(path: Path, content: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    beside.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(beside, path)
    return path
