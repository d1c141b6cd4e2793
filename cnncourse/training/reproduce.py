"""Run an experiment of `cnncourse.training.experiments`: its runs side by side, resumed where it was cut off.

A result is one JSON file: the question, what every run found, what they say together, and where and how long they
ran; and beside it the figure that shows it. Runs that are done lie beside it in ``.runs/`` until the result is whole.
"""

import hashlib
import importlib
import inspect
import json
import multiprocessing
import multiprocessing.connection
import os
import pkgutil
import platform
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import numpy as np

from cnncourse.training import experiments
from cnncourse.training.checkpoints import write_beside, write_json

SCALES = ("cpu", "full")


def names() -> list[str]:
    """The names of all experiments."""
    found = (module.name for module in pkgutil.iter_modules(experiments.__path__))
    return sorted(name for name in found if not name.startswith("_"))


def experiment(name: str) -> ModuleType:
    """The module of an experiment.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in names():
        raise ValueError(f"No experiment is called {name!r}; there are {', '.join(names())}.")
    return importlib.import_module(f"{experiments.__name__}.{name}")


def question(name: str) -> str:
    """What an experiment asks: the first line of its docstring."""
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
        jobs: runs side by side, each on one core; by default one a core on a CPU, one on a GPU.
        progress: called with (runs done, runs in all).

    Raises:
        ValueError: no such experiment or scale.
    """
    module = experiment(name)
    if scale not in SCALES:
        raise ValueError(f"No scale is called {scale!r}; there are {', '.join(SCALES)}.")
    jobs = jobs or (os.cpu_count() if device == "cpu" else 1)
    settings = module.settings(scale)
    done = _Done(result_file(name, results, scale), module, (data, device))
    for number, row in enumerate(_run(name, settings, data, device, jobs, done), len(done.rows)):
        done.add(row)
        if progress is not None:
            progress(number + 1, len(settings))
    rows = [{**setting, **done.rows[_key(setting)]["figures"]} for setting in settings]
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


def _run(name, settings, data, device, jobs, done: "_Done") -> Iterator[dict]:
    left = [setting for setting in settings if _key(setting) not in done.rows]
    return side_by_side(_one, [(name, setting, data, device) for setting in left], jobs)


def side_by_side(work: Callable, arguments: Sequence[tuple], jobs: int) -> Iterator:
    """``work(*one)`` for each of ``arguments``, ``jobs`` at a time, each on one core; yields what is done first.

    One thread each: two small networks beside each other train a third faster than one after the other on two cores.
    """
    if jobs == 1 or len(arguments) <= 1:
        yield from (work(*one) for one in arguments)
        return
    # Spawned: a fork would inherit the locks of torch's threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_begin) as pool:
        for future in as_completed([pool.submit(work, *one) for one in arguments]):
            yield future.result()


def _begin() -> None:
    """In each process beside others: one thread of torch, and no life beyond the parent's, who may be killed."""
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process().sentinel,), daemon=True).start()


def _end_with(parent: int) -> None:
    multiprocessing.connection.wait([parent])
    os._exit(1)


def _one(name: str, setting: dict, data: str | None, device: str) -> dict:
    """One run, timed: by the processor on a CPU, by the clock elsewhere."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    figures = experiment(name).run(setting, data, device)
    return {"setting": setting, "figures": figures, "seconds": clock() - start}


def _key(setting: dict) -> str:
    return json.dumps(setting, sort_keys=True)


class Sweep:
    """What of a command that does many things one after another is done, kept on disk until all of it is.

    Args:
        folder: where that is kept.
        command: the command, with the options that matter; with other names or options it is another sweep.
        names: what it does.
    """

    def __init__(self, folder: Path, command: str, names: Sequence[str]):
        code = hashlib.sha256(repr((command, sorted(names))).encode()).hexdigest()[:12]
        self.names, self._file = list(names), Path(folder) / f"sweep-{code}.json"
        self.done: list[str] = json.loads(self._file.read_text()) if self._file.exists() else []

    @property
    def left(self) -> list[str]:
        """Those that are still to be done; all of them where nothing was cut off."""
        return [name for name in self.names if name not in self.done]

    def add(self, name: str) -> None:
        """One is done; the last one ends the sweep."""
        self.done.append(name)
        if self.left:
            write_json(self._file, self.done)
        else:
            self._file.unlink(missing_ok=True)


class _Done:
    """The runs of an unfinished experiment that are done, kept on disk as long as its code stays the same."""

    def __init__(self, file: Path, module: ModuleType, where: tuple):
        code = hashlib.sha256((inspect.getsource(module) + repr(where)).encode()).hexdigest()[:12]
        self._folder = file.parent / ".runs" / f"{file.stem}-{code}"
        rows = [json.loads(part.read_text()) for part in sorted(self._folder.glob("*.json"))]
        self.rows = {_key(row["setting"]): row for row in rows}

    def add(self, row: dict) -> None:
        self.rows[_key(row["setting"])] = row
        name = hashlib.sha256(_key(row["setting"]).encode()).hexdigest()[:16]
        write_json(self._folder / f"{name}.json", row)

    def forget(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def spread(values) -> dict[str, float]:
    """Mean, standard deviation (of the sample) and number of values, for summaries."""
    values = np.asarray(values, np.float64)
    return {
        "mean": round(float(values.mean()), 6),
        "std": round(float(values.std(ddof=1)), 6) if len(values) > 1 else 0.0,
        "n": len(values),
    }


def paired(rows: list[dict], key: str, figure: str, a, b) -> dict[str, float]:
    """Differences of a figure, runs with ``row[key] == a`` minus those with ``b``, paired by seed."""
    of = {choice: {row["seed"]: row[figure] for row in rows if row[key] == choice} for choice in (a, b)}
    seeds = sorted(of[a].keys() & of[b].keys())
    differences = [of[a][seed] - of[b][seed] for seed in seeds]
    return {**spread(differences), "positive": sum(d > 0 for d in differences)}
