"""What a submission may see of the course: everything but its lab's answers, and of the grader what runs it."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from cnncourse import files, imports
from cnncourse.grading.seam import Cell

FORKER = "cnncourse.grading.isolation.forker"
# What the forker imports before the first worker is forked.
ALWAYS = (
    *("torch", "numpy", "numpy.random", "cnncourse.grading.isolation.worker"),
    "IPython.core.inputtransformer2",  # reads cells
)
# Modules that it imports as soon as a submission mentions them: a fixed list of harmless ones.
PRELOAD = (
    *("matplotlib", "matplotlib.pyplot", "PIL", "PIL.Image", "PIL.ImageDraw", "scipy", "sklearn", "skimage"),
    *("torchvision", "torchvision.ops", "torchvision.transforms", "torch.nn.functional"),
)
_STUB = "def check(*names, **options):\n    pass  # a notebook checks nothing while it is graded\n"


def hidden_modules(*sources: str, root: Path | None = None) -> tuple[str, ...]:
    """The modules that hold, or lead to, the answers of a lab.

    These are the library modules ``sources`` themselves, their private siblings (``_nms_fast`` beside ``nms``), what
    lies below them, and every module of the package that imports one of these.
    """
    private = {
        name
        for name in imports.modules(root)
        for parent, _, last in (source.rpartition(".") for source in sources)
        if name.startswith(f"{parent}._{last}")
    }
    found = imports.dependants({*sources, *private}, root)
    return tuple(sorted(found - {imports.PACKAGE, f"{imports.PACKAGE}.grading"}))


def graders_modules() -> frozenset[str]:
    """The grader's modules without which no submission runs; all others are nothing that it could learn from."""
    worker = imports.closure([FORKER])
    return frozenset(name for name in worker if name.startswith(f"{imports.PACKAGE}.grading."))


def write_package(folder: Path, hidden: Iterable[str]) -> None:
    """Copies into ``folder`` what a worker may import of the package."""
    hidden, grader = frozenset(hidden), graders_modules()
    stubs = {f"{imports.PACKAGE}.grading": _STUB, f"{imports.PACKAGE}.grading.check": _STUB}
    for name, path in imports.modules().items():
        if any(name == one or name.startswith(f"{one}.") for one in hidden):
            continue
        if name.startswith(f"{imports.PACKAGE}.grading.") and name not in {*grader, *stubs}:
            if not any(one.startswith(f"{name}.") for one in grader):  # else it is their package
                continue
        target = folder / path.relative_to(files.root())
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(stubs.get(name, path.read_text(encoding="utf-8")), encoding="utf-8")


def worth_preloading(cells: Sequence[Cell], hidden: Iterable[str]) -> set[str]:
    """The modules that these cells mention and that are imported once, instead of in every worker."""
    own = {"cnncourse.visualize", "cnncourse.data"}
    own = {name for name in imports.modules() if name in own or name.rpartition(".")[0] in own} - {*hidden}
    text = "\n".join(cell.text for cell in cells)
    words = set(re.findall(r"^[ \t]*(?:import|from)[ \t]+([\w.]+)", text, re.MULTILINE))
    several = re.findall(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]+([\w, ]+)", text, re.MULTILINE)
    words |= {f"{base}.{name}" for base, names in several for name in re.findall(r"\w+", names)}
    return words & {*PRELOAD, *own}
