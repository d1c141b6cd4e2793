"""Tries to become root, to make namespaces, and to loosen its limits."""

import ctypes
import os
import resource
import subprocess


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    done = []
    for name, arguments in {
        "unshare": (0x10000000,),
        "setns": (3, 0),
        "mount": (b"tmpfs", b"/scratch", b"tmpfs", 0, None),
        "umount2": (b"/scratch", 2),
        "chroot": (b"/scratch",),
        "setuid": (0,),
        "setgid": (0,),
        "sethostname": (b"mine", 4),
    }.items():
        if getattr(libc, name)(*arguments) == 0:
            done.append(name)
    for name, number in {
        "clone": 56,
        "clone3": 435,
        "memfd_create": 319,
        "keyctl": 250,
        "shmget": 29,
    }.items():
        flags = 0x10000000 | 17 if name == "clone" else 0
        result = libc.syscall(number, flags, 4096, 0o1600, 0, 0)
        if result == 0 and name == "clone":
            os._exit(0)
        if result >= 0 and os.uname().machine == "x86_64":
            done.append(name)
    for limit in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
        try:
            resource.setrlimit(limit, (2**40, 2**40))
            done.append(f"limit {limit}")
        except (OSError, ValueError):
            pass
    who = subprocess.run(
        ["/bin/sh", "-c", "id -u; ulimit -c; mount -t tmpfs x /tmp"], capture_output=True, text=True
    )
    return done + [line for line in who.stdout.splitlines()[:1] if line == "0"]


def answer(x):
    return len(attack())
