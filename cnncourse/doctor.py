"""What is missing or slow on this machine, and what to do about it.

Each check is a function without arguments that returns a :class:`Finding`; ``cnncourse doctor`` prints all.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

GIB = 1024**3


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: what was looked at.
        state: "ok", "slow" (works, but slower or with less) or "missing" (the course does not work without).
        found: what is there.
        advice: what to do, for anything but "ok".
    """

    name: str
    state: str
    found: str
    advice: str = ""


def python() -> Finding:
    """The interpreter. pip installs the package on 3.11 or newer only."""
    return Finding("Python", "ok", ".".join(map(str, sys.version_info[:3])))


def environment() -> Finding:
    """A virtual environment, so that the pinned versions disturb nothing else."""
    if sys.prefix == sys.base_prefix:
        return Finding(
            "environment",
            "slow",
            "the system's Python",
            "Use the course's own: make setup, then .venv/bin/cnncourse.",
        )
    return Finding("environment", "ok", sys.prefix)


def disk() -> Finding:
    """Room for the data (0.2 GB), the book, and an environment with torch."""
    free = shutil.disk_usage(Path.cwd()).free / GIB
    if free < 1:
        return Finding(
            "disk", "missing", f"{free:.1f} GB free here", "Free at least 1 GB (10 GB before `make setup`)."
        )
    if free < 10:
        return Finding(
            "disk", "slow", f"{free:.1f} GB free here", "Enough to work; setting up anew needs 10 GB."
        )
    return Finding("disk", "ok", f"{free:.0f} GB free here")


def memory() -> Finding:
    """Physical memory: grading in parallel takes about 1 GB a job."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    found = f"{total:.0f} GB, {os.cpu_count()} cores"
    if total < 4:
        return Finding("memory", "slow", found, "Close other programs; grade with --jobs 1.")
    return Finding("memory", "ok", found)


def torch() -> Finding:
    """torch and torchvision import together; the build fits the machine."""
    try:
        import torch
        import torchvision
    except Exception as error:  # a wrong pairing raises RuntimeError, a broken wheel OSError
        return Finding(
            "torch",
            "missing",
            f"{type(error).__name__}: {str(error)[:100]}",
            "torch and torchvision must be a pair: pip install -r requirements.txt.",
        )
    found = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    if torch.version.cuda and not torch.cuda.is_available():
        advice = (
            "It works. The CUDA build takes 5 GB that a machine without a GPU can spare: pytorch.org, under "
            "Get Started, shows pip's option for the CPU-only build; pass it to make as PIP_FLAGS."
        )
        return Finding("torch", "slow", found + f", built for CUDA {torch.version.cuda}, no GPU", advice)
    return Finding("torch", "ok", found)


def arithmetic() -> Finding:
    """What decides the last digits of sums: instructions, threads, the libraries' modes."""
    from cnncourse.arithmetic import in_force

    return Finding("arithmetic", "ok", ", ".join(f"{what} {how}" for what, how in in_force().items()))


def gpu() -> Finding:
    """A GPU that torch can use. None is needed for the course-size experiments."""
    if importlib.util.find_spec("torch") is None:
        return Finding("GPU", "missing", "torch is not installed", "make setup")
    import torch

    if torch.cuda.is_available():
        return Finding("GPU", "ok", torch.cuda.get_device_name())
    if shutil.which("nvidia-smi"):
        advice = (
            "The driver is there but torch does not see it: install torch's CUDA build, or a newer driver."
        )
        return Finding("GPU", "slow", "not usable", advice)
    return Finding("GPU", "ok", "none; everything at course size runs without")


def numba() -> Finding:
    """The compiled L1 kernel needs numba."""
    try:
        return Finding("numba", "ok", importlib.metadata.version("numba"))
    except importlib.metadata.PackageNotFoundError:
        advice = "Nearest neighbours give the same answers, many times more slowly: pip install numba."
        return Finding("numba", "slow", "not installed", advice)


def namespaces() -> Finding:
    """Linux namespaces, which the grader's sandbox is made of, tried in a process of their own."""
    code = (
        "import ctypes, os, sys; libc = ctypes.CDLL(None, use_errno=True); "
        "flags = 0x20000 | 0x20000000 | 0x40000000 | 0x8000000 | (0 if os.geteuid() == 0 else 0x10000000); "
        "sys.exit(libc.unshare(flags) and ctypes.get_errno())"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Finding("namespaces", "ok", "network, mounts, process ids, ipc")
    reason = os.strerror(done.returncode) if done.returncode > 0 else "not on this system"
    advice = (
        "`cnncourse grade` falls back to a plain process with limits: do not grade strangers' files so. On "
        "Linux, let users make user namespaces (sysctl kernel.unprivileged_userns_clone=1 and "
        "kernel.apparmor_restrict_unprivileged_userns=0); a container needs --privileged."
    )
    return Finding("namespaces", "slow", reason, advice)


def bubblewrap() -> Finding:
    """bubblewrap, a second wall around the grader's workers."""
    if path := shutil.which("bwrap"):
        return Finding("bubblewrap", "ok", path)
    return Finding(
        "bubblewrap",
        "slow",
        "not installed",
        "The grader does with namespaces alone; on Debian: apt install bubblewrap.",
    )


def chromium() -> Finding:
    """Chromium, for the browser test of the book."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return Finding("chromium", "ok", path)
    return Finding(
        "chromium",
        "slow",
        "not installed",
        "Only the book's browser test needs it (skipped without); on Debian: apt install chromium.",
    )


def data_cache() -> Finding:
    """The folder for composed and downloaded data can be written."""
    from cnncourse.data import cache

    folder = cache.folder()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(existing, os.W_OK):
        return Finding(
            "data cache",
            "missing",
            f"{folder} cannot be written",
            "Set CNNCOURSE_CACHE to a folder of yours.",
        )
    return Finding("data cache", "ok", str(folder))


CHECKS: tuple[Callable[[], Finding], ...] = (
    python,
    environment,
    disk,
    memory,
    torch,
    arithmetic,
    gpu,
    numba,
    namespaces,
    bubblewrap,
    chromium,
    data_cache,
)


def examine() -> list[Finding]:
    """All findings, in the order of :data:`CHECKS`. A check that fails itself is a finding too."""
    findings = []
    for check in CHECKS:
        try:
            findings.append(check())
        except Exception as error:
            findings.append(
                Finding(check.__name__, "missing", f"{type(error).__name__}: {error}", "Please report this.")
            )
    return findings
