"""What Linux offers to keep a process apart: a view of the file system, namespaces, limits, no privileges.

Everything here works for root and, where the system lets users make user namespaces, for anybody.
"""

import ctypes
import ctypes.util
import os
import resource
import shutil
import site
import socket
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cnncourse import files
from cnncourse.grading.isolation import seccomp

GIB = 2**30

NEWTIME, NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    *(0x80, 0x20000, 0x4000000, 0x8000000),
    *(0x10000000, 0x20000000, 0x40000000),
)
_RDONLY, _NOSUID, _NODEV, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_DETACH = 2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = (
    1,
    4,
    24,
    36,
    38,
)
_SIGKILL = 9

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Limits:
    """What one worker may use."""

    memory: int = 2 * GIB  # address space beyond what the template had when the worker was forked
    total_memory: int = 4 * GIB  # resident, all its processes together, checked ten times a second
    disk: int = 256 * 2**20  # its scratch folder, which lies in memory
    file: int = 256 * 2**20  # one file
    processes: int = 64  # and threads
    descriptors: int = 256
    cpu_seconds: int = 900  # a whole lab's tests, and more


@dataclass(frozen=True)
class View:
    """A file system as a worker sees it: what is mounted where, read-only, and symbolic links."""

    binds: tuple[tuple[str, str], ...]  # (source, target), parents before children
    links: tuple[tuple[str, str], ...]  # (content, place)
    devices: tuple[str, ...]


SCRATCH = "/scratch"  # the one folder that a worker can write to


def view(copy: Path, device: str) -> View:
    """The system's libraries, Python and its packages, and ``copy`` instead of this package and its repository."""
    wanted = {"/usr", *_python_paths()}
    wanted |= {"/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/sys/devices/system/cpu"}
    wanted |= {
        folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder.startswith("/")
    }
    links = []
    for place in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(place):
            links.append((os.readlink(place), place))
        else:
            wanted.add(place)
    wanted |= {os.path.realpath(path) for path in wanted}
    binds = {path: path for path in wanted if os.path.exists(path)}
    for hidden in _course_folders():
        if _inside(hidden, binds):  # a folder of its own inside one that is shown
            binds[hidden] = str(copy / "empty")
    binds |= {
        str(copy / "package"): str(copy / "package"),
        "/etc/passwd": str(copy / "passwd"),
        "/etc/group": str(copy / "group"),
    }
    redundant = {path for path in binds if binds[path] == path and _shown_by_parent(path, binds)}
    order = sorted(binds.keys() - redundant, key=lambda path: path.count("/"))
    # no /dev/zero: mapped, it is shared memory that no limit counts
    devices = [f"/dev/{name}" for name in ("null", "full", "random", "urandom")]
    if device == "cuda":
        devices += [f"/dev/{name}" for name in os.listdir("/dev") if name.startswith("nvidia")]
        devices = [path for path in devices if not os.path.isdir(path)]
    return View(tuple((binds[path], path) for path in order), tuple(links), tuple(devices))


def _python_paths() -> set[str]:
    """Folders of the interpreter and of installed packages; no folder that is there for being worked in."""
    packages = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    standard = [
        os.path.dirname(os.__file__),
        sys.exec_prefix,
        sys.prefix,
        sys.base_prefix,
        sys.base_exec_prefix,
    ]
    return {str(path) for path in [*packages, *standard] if path not in ("/", "/usr")}


def _course_folders() -> list[str]:
    """The places that may hold answers: this package and the repository it lies in, wherever Python finds one.

    An editable installation puts the graded tests beside other packages although the package itself is elsewhere.
    """
    package = files.package()
    installed = [Path(folder).absolute() / package.name for folder in (*_python_paths(), *sys.path)]
    found = {package if files.installed() else files.root(), *(path for path in installed if path.is_dir())}
    return sorted({str(path) for path in found} | {str(path.resolve()) for path in found})


def _inside(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)


def _shown_by_parent(path: str, binds: dict[str, str]) -> bool:
    """Whether the nearest folder above that is mounted shows this path already."""
    above = [other for other in binds if other != path and _inside(path, {other})]
    return bool(above) and binds[max(above, key=len)] == max(above, key=len)


def bubblewrap(view: View) -> list[str]:
    """The command that runs another one with this view, in namespaces, with every capability in them."""
    command = [shutil.which("bwrap"), "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    command += ["--die-with-parent", "--new-session", "--cap-add", "ALL", "--chdir", "/", "--proc", "/proc"]
    targets = [Path(target) for _, target in view.binds] + [Path(path) for path in view.devices]
    for folder in sorted({parent for target in targets for parent in target.parents}):
        command += ["--dir", str(folder)]  # else bubblewrap makes them for its own user only
    for source, target in view.binds:
        command += ["--ro-bind", source, target]
    for content, place in view.links:
        command += ["--symlink", content, place]
    for path in view.devices:
        command += ["--dev-bind", path, path]
    return [*command, "--dir", SCRATCH, "--remount-ro", "/", "--tmpfs", SCRATCH]


def enter(view: View) -> None:
    """Does what bubblewrap would, in this process; returns in a child that is the first of its process ids.

    Raises OSError where the system refuses.
    """
    uid, gid, user = os.geteuid(), os.getegid(), 0 if os.geteuid() == 0 else NEWUSER
    unshare(NEWNS | NEWPID | NEWNET | NEWIPC | NEWUTS | user)
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        os._exit(0)
    die_with_parent()
    os.umask(0o022)
    _mount(None, "/", None, _REC | _PRIVATE)
    _build(view, Path("/tmp"))


def _build(view: View, scratch: Path) -> None:
    """A new root in memory, and this process in it. ``scratch`` only serves as the place to mount it on."""
    sources = {target: os.open(source, os.O_PATH) for source, target in view.binds}
    devices = {path: os.open(path, os.O_PATH) for path in view.devices}
    folders = {target: os.path.isdir(source) for source, target in view.binds}
    proc = os.open("/proc", os.O_PATH)
    _mount("tmpfs", scratch, "tmpfs", _NOSUID | _NODEV, "mode=755")
    for target, source in {**sources, **devices}.items():
        place = scratch / target.lstrip("/")
        _make_place(place, folders.get(target, False))
        _mount(f"/proc/self/fd/{source}", place, None, _BIND | _REC)
        if target in sources:
            _make_read_only(place)
    for content, link in view.links:
        (scratch / link.lstrip("/")).symlink_to(content)
    for name in ("/proc", SCRATCH):
        (scratch / name.lstrip("/")).mkdir()
    # a new /proc may only be mounted where another is in sight
    _mount(f"/proc/self/fd/{proc}", scratch / "proc", None, _BIND | _REC)
    for descriptor in (*sources.values(), *devices.values(), proc):
        os.close(descriptor)
    os.chdir(scratch)
    _check(_libc.syscall(_pivot_root(), b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _DETACH), "umount")
    os.chdir("/")
    _mount("proc", "/proc", "proc", _NOSUID | _NODEV)
    _mount("tmpfs", SCRATCH, "tmpfs", _NOSUID | _NODEV, "mode=1777,size=64m")
    _mount(None, "/", None, _REMOUNT | _BIND | _RDONLY)


def _make_place(place: Path, folder: bool) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if folder:
        place.mkdir(exist_ok=True)
    elif not place.exists():
        place.touch()


def _make_read_only(place: Path) -> None:
    """Remounting keeps the flags that the mount had: in a user namespace they may not be taken away."""
    kept = os.statvfs(place).f_flag & (_NOSUID | _NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_RELATIME)
    flags = kept & (_NOSUID | _NODEV | os.ST_NOEXEC)
    flags |= os.ST_NOATIME if kept & os.ST_NOATIME else 0  # the same bit as MS_NOATIME
    flags |= 1 << 21 if kept & os.ST_RELATIME else 0  # MS_RELATIME
    _mount(None, place, None, _REMOUNT | _BIND | _RDONLY | flags)


def _pivot_root() -> int:
    return 155 if os.uname().machine == "x86_64" else 41


def separate(limits: Limits) -> None:
    """Namespaces of this process's own below the forker's, with a new /proc and scratch folder. Raises OSError."""
    unshare(NEWNS | NEWNET | NEWIPC | NEWUTS)
    socket.sethostname("worker")
    _mount(None, "/", None, _REC | _PRIVATE)
    try:
        _mount("proc", "/proc", "proc", _NOSUID | _NODEV, "hidepid=2,subset=pid")
    except OSError:
        _mount("proc", "/proc", "proc", _NOSUID | _NODEV)
    _mount("tmpfs", SCRATCH, "tmpfs", _NOSUID | _NODEV, f"mode=1777,size={limits.disk},nr_inodes=10000")
    os.chdir(SCRATCH)


def new_process_ids(own: int) -> None:
    """The next child of this process is the first of new process ids. ``own`` is our own /proc/self/ns/pid.

    Raises OSError where they are not to be had.
    """
    _check(_libc.setns(own, NEWPID), "setns")  # the last child's must be left before others can be made
    unshare(NEWPID)


def drop_privileges(uid: int | None) -> None:
    """Becomes ``uid`` where given, and gives up every capability and the way to new ones. Raises OSError."""
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    for capability in range(64):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails beyond the last one, and where it is gone
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = struct.pack("Ii", 0x20080522, 0)  # version 3
    nothing = bytes(24)  # two words for each of three sets
    _check(_libc.capset(header, nothing), "capset")


def limit(limits: Limits, address_space: int | None, processes: int) -> None:
    """Limits this process and its children. ``address_space`` None: not limited (CUDA maps terabytes)."""
    for what, value in {
        resource.RLIMIT_AS: address_space,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_NPROC: processes,
        resource.RLIMIT_FSIZE: limits.file,
        resource.RLIMIT_NOFILE: limits.descriptors,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }.items():
        if value is not None:
            hard = resource.getrlimit(what)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(what, (value, value))


def refuse_system_calls(device: str, signals: bool = False) -> bool:
    """Installs the filter of system calls, ``signals`` among them; False where there is none for this machine."""
    if not seccomp.supported():
        return False
    allowed = frozenset() if signals else seccomp.SIGNALS
    if device == "cuda":
        allowed |= {"socket", "socketpair", "memfd_create", "mmap"}
    seccomp.install(allowed)
    return True


def address_space() -> int:
    """The size of this process's address space in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def set_dumpable(dumpable: bool) -> None:
    """Whether others of the same user may trace this process and read its memory."""
    _libc.prctl(_PR_SET_DUMPABLE, int(dumpable), 0, 0, 0)


def die_with_parent() -> None:
    """Kills this process when the thread that forked it ends. Must come after every change of user."""
    _libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def adopt_orphans() -> None:
    """Makes this process the parent of what its descendants leave behind."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def unshare(flags: int) -> None:
    """New namespaces for this process. Raises OSError where they are not to be had."""
    _check(_libc.unshare(flags), "unshare")


def _mount(source: str | None, target, kind: str | None, flags: int, options: str | None = None) -> None:
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    source, target, kind, options = encoded
    _check(_libc.mount(source, target, kind, ctypes.c_ulong(flags), options), f"mount {target!r}")


def _check(result: int, what: str) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
