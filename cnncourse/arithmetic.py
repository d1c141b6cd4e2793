"""Which arithmetic is in force: what a processor has, and what the environment makes of it.

The same sum comes out with other last digits where it is added in another order: with other vector instructions, other
kernels of a library, another number of threads. All of that can be had on one machine, by environment variables that
the libraries read when they start. ``make portable`` runs the checks under each of these settings.
"""

import os
import platform

VARIABLES = (
    "ATEN_CPU_CAPABILITY",  # torch's own kernels
    "ONEDNN_MAX_CPU_ISA",  # oneDNN, torch's convolutions
    "MKL_CBWR",  # MKL, torch's matrix products
    "OPENBLAS_CORETYPE",  # OpenBLAS, those of numpy and scipy
    "NPY_DISABLE_CPU_FEATURES",  # numpy's own loops
    "OMP_NUM_THREADS",  # torch's threads
)
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# What stands in for a processor that has no more: its instructions under the names that the libraries give them.
_PROCESSORS = {
    "default": {"ONEDNN_MAX_CPU_ISA": "SSE41", "OPENBLAS_CORETYPE": "Nehalem"},
    "avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell"},
}


def in_force() -> dict[str, str]:
    """What decides the last digits of this process: library -> how it computes here."""
    import torch

    found = {
        "processor": platform.machine(),
        "torch": torch.backends.cpu.get_cpu_capability(),
        "threads": str(torch.get_num_threads()),
        "matrix products": "MKL" if torch.backends.mkl.is_available() else "no MKL",
    }
    return found | {name: os.environ[name] for name in VARIABLES if name in os.environ}


def settings() -> dict[str, dict[str, str]]:
    """The settings that this machine can be put into: name -> environment variables.

    One and two threads with torch's plain kernels, with AVX2 where the processor has it, and with all that it has
    (``own``); and once MKL's mode that is the same on every x86 processor.
    """
    import torch

    has = torch.backends.cpu.get_cpu_capability()
    kinds = {"default": {"ATEN_CPU_CAPABILITY": "default"}, "own": {}}
    if has.startswith("AVX"):
        kinds["avx2"] = {"ATEN_CPU_CAPABILITY": "avx2"}
        kinds = {name: kinds[name] | _PROCESSORS.get(name, {}) for name in ("default", "avx2", "own")}
        for name, beyond in (("default", ("X86_V3", "AVX2", "AVX512")), ("avx2", ("X86_V4", "AVX512"))):
            if disabled := _numpy_features(beyond):
                kinds[name]["NPY_DISABLE_CPU_FEATURES"] = " ".join(disabled)
    found = {
        f"{name}-{threads}": variables | dict.fromkeys(THREADS, str(threads))
        for name, variables in kinds.items()
        for threads in (1, 2)
    }
    if torch.backends.mkl.is_available():
        found["compatible"] = {"MKL_CBWR": "COMPATIBLE"}
    return found


def _numpy_features(beyond: tuple[str, ...]) -> list[str]:
    """What numpy would use here of these instructions and all later ones. Its list goes from old to new."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    first = next((i for i, name in enumerate(__cpu_dispatch__) if name.startswith(beyond)), None)
    return [] if first is None else [name for name in __cpu_dispatch__[first:] if __cpu_features__[name]]
