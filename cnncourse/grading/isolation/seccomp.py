"""System calls that a submission has no use for are refused, by a filter that nothing in its process can remove."""

import ctypes
import errno
import platform
import struct

# Numbers on x86_64 and aarch64; where both have the same, one number.
_REFUSED = {
    # memory that no rlimit counts (a pair of sockets may hold megabytes)
    "memfd_create": (319, 279), "memfd_secret": 447, "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180), "userfaultfd": (323, 282),
    "vmsplice": (278, 75), "socketpair": (53, 199),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_getfd": 438, "process_madvise": 440, "kcmp": (312, 272),
    # signals, which reach the grader and everybody else where process ids are not separated
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "pidfd_send_signal": 424,
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": 428, "move_mount": 429, "fsopen": 430,
    "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442,
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "fanotify_init": (300, 262),
    # the kernel itself
    "bpf": (321, 280), "perf_event_open": (298, 241), "io_uring_setup": 425, "io_uring_enter": 426,
    "io_uring_register": 427, "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104),
    # the network: namespaces do not cover every family (vsock reaches a virtual machine's host)
    "socket": (41, 198),
}  # fmt: skip
SIGNALS = frozenset({"kill", "tkill", "tgkill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo"})
_CLONE = (56, 220)
_MMAP = (9, 222)
_CLONE3 = 435  # its flags lie in memory, where a filter cannot look; libc falls back to clone

# Shared memory without a file stays while a page of it is mapped, and what is not mapped counts for nobody.
_SHARED, _ANONYMOUS = 0x01, 0x20
_CLONE_NEW_ANYTHING = 0x7E020080  # user, pid, network, ipc, uts, cgroup, mount and time namespaces
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCH, _FIRST_ARGUMENT, _FOURTH_ARGUMENT = 0, 4, 16, 40  # offsets in struct seccomp_data


def supported() -> bool:
    """Whether there is a filter for this kind of machine."""
    return platform.machine() in _ARCHITECTURES


def install(allowed: frozenset[str] = frozenset()) -> None:
    """Refuses the system calls for this process and all its children, for good.

    Needs ``no_new_privs``. ``allowed`` names calls to leave alone (CUDA's driver needs some). Raises OSError where the
    kernel takes no filter.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    code = _program(allowed)
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    if libc.prctl(22, 2, ctypes.create_string_buffer(program), 0, 0):  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError(ctypes.get_errno(), "seccomp")


def _program(allowed: frozenset[str]) -> bytes:
    """The filter as BPF: every instruction is a code, two relative jumps and a number."""
    column, arch = _ARCHITECTURES[platform.machine()]

    def number(entry: int | tuple[int, int]) -> int:
        return entry if isinstance(entry, int) else entry[column]

    def refuse(code: int) -> bytes:
        return struct.pack("HBBI", _RETURN, 0, 0, _ERRNO | code)

    program = [
        struct.pack("HBBI", _LOAD, 0, 0, _ARCH),
        struct.pack("HBBI", _EQUAL, 1, 0, arch),  # 32-bit calls have other numbers
        struct.pack("HBBI", _RETURN, 0, 0, _KILL_PROCESS),
        struct.pack("HBBI", _LOAD, 0, 0, _NUMBER),
        struct.pack("HBBI", _AT_LEAST, 0, 1, 0x40000000),  # x32 calls, the same ones under other numbers
        refuse(errno.EPERM),
        struct.pack("HBBI", _EQUAL, 0, 1, _CLONE3),
        refuse(errno.ENOSYS),
    ]
    for entry in (entry for name, entry in _REFUSED.items() if name not in allowed):
        program += [struct.pack("HBBI", _EQUAL, 0, 1, number(entry)), refuse(errno.EPERM)]
    if "mmap" not in allowed:
        program += [
            struct.pack("HBBI", _EQUAL, 0, 5, number(_MMAP)),
            struct.pack("HBBI", _LOAD, 0, 0, _FOURTH_ARGUMENT),
            struct.pack("HBBI", _ANY_BIT, 0, 1, _ANONYMOUS),
            struct.pack("HBBI", _ANY_BIT, 1, 0, _SHARED),
            struct.pack("HBBI", _RETURN, 0, 0, _ALLOW),
            refuse(errno.EPERM),
        ]
    program += [
        struct.pack("HBBI", _EQUAL, 0, 3, number(_CLONE)),
        struct.pack("HBBI", _LOAD, 0, 0, _FIRST_ARGUMENT),
        struct.pack("HBBI", _ANY_BIT, 0, 1, _CLONE_NEW_ANYTHING),
        refuse(errno.EPERM),
        struct.pack("HBBI", _RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(program)
