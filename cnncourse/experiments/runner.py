"""Run an experiment: its runs side by side, resumed where it was cut off.

A result is one JSON file: the question, what every run found, what they say together, and where and how long they
ran; and beside it the figure that shows it. Runs that are done lie beside it in ``.runs/`` until the result is whole.
"""

import hashlib
import importlib
import inspect
import json
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from cnncourse import experiments, imports
from cnncourse.files import write_beside, write_json
from cnncourse.processes import cores, side_by_side

SCALES = ("cpu", "full")


def names() -> list[str]:
    """The names of all experiments."""
    return sorted(_modules())


def _modules() -> dict[str, str]:
    """Name of an experiment -> of its module, in a folder for each part; with an underscore it is a helper."""
    files = [file for folder in experiments.__path__ for file in Path(folder).glob("*/[!_]*.py")]
    return {file.stem: f"{experiments.__name__}.{file.parent.name}.{file.stem}" for file in files}


def experiment(name: str) -> ModuleType:
    """The module of an experiment.

    Raises:
        ValueError: there is none of this name.
    """
    modules = _modules()
    if name not in modules:
        raise ValueError(f"No experiment is called {name!r}; there are {', '.join(sorted(modules))}.")
    return importlib.import_module(modules[name])


def code(name: str) -> str:
    """Sixteen digits that change when what the experiment does may have changed: its module, or what that imports.

    Raises:
        ValueError: there is none of this name.
    """
    return imports.fingerprint([experiment(name).__name__])


def question(name: str) -> str:
    """What an experiment asks: the first line of its docstring.

    Raises:
        ValueError: there is none of this name.
    """
    return inspect.getdoc(experiment(name)).splitlines()[0]


def result_file(name: str, results: Path, scale: str = "cpu") -> Path:
    """Where a result lies: ``NAME.json``; at full scale ``NAME-full.json``."""
    return Path(results) / (f"{name}.json" if scale == "cpu" else f"{name}-{scale}.json")


def seconds_known(name: str, results: Path, scale: str = "cpu") -> float | None:
    """How long the experiment took when it last ran here, or None."""
    try:
        return json.loads(result_file(name, results, scale).read_text())["seconds"]
    except (OSError, ValueError, KeyError):
        return None


def reproduce(
    name: str,
    results: Path,
    scale: str = "cpu",
    data: str | None = None,
    device: str = "cpu",
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Run an experiment and write its result; returns what it wrote.

    Args:
        name: one of :func:`names`.
        results: the folder for the result.
        scale: "cpu" (minutes on two cores) or "full" (real data and a GPU).
        data: a folder of real data; None is the embedded set.
        device: "cpu" or "cuda".
        jobs: runs side by side, each on one core; by default one a core on a CPU, one on a GPU.
        progress: called with (runs done, runs in all).

    Raises:
        ValueError: no such experiment or scale.
        FileError: a file of data, stored weights or results that cannot be read or written.
        ProcessDied: a process that ran beside others was ended from outside.
    """
    module = experiment(name)
    if scale not in SCALES:
        raise ValueError(f"No scale is called {scale!r}; there are {', '.join(SCALES)}.")
    jobs = jobs or (cores() if device == "cpu" else 1)
    settings = module.settings(scale)
    done = _Done(result_file(name, results, scale), code(name), data, device)
    for number, row in enumerate(_run(name, settings, data, device, jobs, done), len(done.rows)):
        done.add(row)
        if progress is not None:
            progress(number + 1, len(settings))
    rows = [{**setting, **done.rows[_key(setting)]["measures"]} for setting in settings]
    result = {
        "name": name,
        "question": question(name),
        "lecture": list(module.LECTURE),
        "scale": scale,
        "data": "embedded" if data is None else Path(data).name,
        "summary": module.summary(rows),
        "runs": rows,
        "versions": {package: version(package) for package in ("cnncourse", "torch", "numpy")},
        "machine": f"{platform.machine()}, {jobs} runs side by side, {device}",
        # Of the processor, so that other programs do not count: what it takes on a machine that does nothing else.
        "seconds": round(sum(row["seconds"] for row in done.rows.values()) / jobs, 1),
    }
    file = result_file(name, results, scale)
    write_json(file, result)
    _draw(module, result, file)
    done.forget()
    return result


def _draw(module: ModuleType, result: dict, file: Path) -> None:
    """``NAME.png``, and for each of an experiment's further pictures ``NAME-picture.png``."""
    more = module.pictures(result) if hasattr(module, "pictures") else {}
    for ending, figure in {
        "": module.draw(result),
        **{f"-{name}": figure for name, figure in more.items()},
    }.items():
        write_beside(
            file.with_name(f"{file.stem}{ending}.png"),
            lambda part, figure=figure: figure.savefig(part, format="png"),
        )


def _run(
    name: str, settings: Sequence[dict], data: str | None, device: str, jobs: int, done: "_Done"
) -> Iterator[dict]:
    """What is left to do, as it gets done."""
    left = [setting for setting in settings if _key(setting) not in done.rows]
    for _, row in side_by_side(_one, [(name, setting, data, device) for setting in left], jobs):
        yield row


def _one(name: str, setting: dict, data: str | None, device: str) -> dict:
    """One run, timed: by the processor on a CPU, by the clock elsewhere."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    measures = experiment(name).run(setting, data, device)
    return {"setting": setting, "measures": measures, "seconds": clock() - start}


def _key(setting: dict) -> str:
    return json.dumps(setting, sort_keys=True)


class Sweep:
    """What of a command that does many things one after another is done, kept on disk until all of it is.

    Args:
        folder: where that is kept.
        command: the command, with the options that matter; with other names or options it is another sweep.
        names: what it does.
        code: of a name digits that change when doing it again may come out otherwise: then it is to be done again.
    """

    def __init__(self, folder: Path, command: str, names: Sequence[str], code: Callable[[str], str]):
        which = hashlib.sha256(repr((command, sorted(names))).encode()).hexdigest()[:12]
        self.names, self._code, self._file = list(names), code, Path(folder) / f"sweep-{which}.json"
        done = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._done: dict[str, str] = {name: was for name, was in done.items() if was == code(name)}

    @property
    def done(self) -> list[str]:
        """Those that are done."""
        return list(self._done)

    @property
    def left(self) -> list[str]:
        """Those that are still to be done; all of them where nothing was cut off."""
        return [name for name in self.names if name not in self._done]

    def add(self, name: str) -> None:
        """One is done; the last one ends the sweep.

        Raises:
            FileError: it cannot be written down.
        """
        self._done[name] = self._code(name)
        if self.left:
            write_json(self._file, self._done)
        else:
            self._file.unlink(missing_ok=True)


class _Done:
    """The runs of an unfinished experiment that are done, kept on disk: of the same code, data and device."""

    def __init__(self, file: Path, code: str, data: str | None, device: str):
        where = (code, None if data is None else str(Path(data).resolve()), device)
        key = hashlib.sha256(repr(where).encode()).hexdigest()[:12]
        self._folder = file.parent / ".runs" / f"{file.stem}-{key}"
        rows = [json.loads(part.read_text()) for part in sorted(self._folder.glob("*.json"))]
        self.rows = {_key(row["setting"]): row for row in rows}

    def add(self, row: dict) -> None:
        self.rows[_key(row["setting"])] = row
        name = hashlib.sha256(_key(row["setting"]).encode()).hexdigest()[:16]
        write_json(self._folder / f"{name}.json", row)

    def forget(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
