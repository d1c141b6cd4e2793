import mmap
import os
import platform
import re
import resource
import signal
from pathlib import Path

import pytest

from cnncourse import files
from cnncourse.grading.isolation import sandbox, seccomp


@pytest.fixture
def copy(tmp_path):
    for name in ("package", "empty"):
        (tmp_path / name).mkdir()
    for name in ("passwd", "group"):
        (tmp_path / name).touch()
    return tmp_path


def in_a_child(function):
    """What a function returns in a process of its own."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(send, repr(function()).encode())
        except BaseException as error:
            os.write(send, repr(error).encode())
        finally:
            os._exit(0)
    os.close(send)
    with open(receive) as file:
        text = file.read()
    os.waitpid(child, 0)
    return text


# ---- the view


def test_the_view_shows_python_and_hides_the_repository(copy):
    repository = files.root()
    view = sandbox.view(copy, "cpu")
    for _, target in view.binds:
        assert not repository.is_relative_to(target)
        assert not Path(target).is_relative_to(repository / "cnncourse")
    targets = [target for _, target in view.binds]
    assert any(Path(os.__file__).is_relative_to(target) for target in targets)
    assert str(copy / "package") in targets
    assert "/home" not in targets
    assert os.path.expanduser("~") not in targets


def test_a_repository_inside_what_is_shown_is_covered(copy, monkeypatch):
    """As when the environment is one large folder with everything in it, the work as well."""
    monkeypatch.setattr(sandbox, "_python_paths", lambda: {"/usr", "/usr/bin", "/usr/share/doc"})
    monkeypatch.setattr(sandbox, "_course_folders", lambda: ["/usr/share"])
    binds = sandbox.view(copy, "cpu").binds
    targets = [target for _, target in binds]
    assert (str(copy / "empty"), "/usr/share") in binds
    assert "/usr/bin" not in targets  # shown with /usr
    assert targets.index("/usr") < targets.index("/usr/share") < targets.index("/usr/share/doc")


@pytest.mark.parametrize(
    ("module", "covered"),
    [
        ("/opt/lib/site-packages/cnncourse/files.py", "/opt/lib/site-packages/cnncourse"),
        ("/home/me/course/cnncourse/files.py", "/home/me/course"),
    ],
)
def test_an_installed_package_is_covered_and_so_is_a_whole_repository(monkeypatch, module, covered):
    monkeypatch.setattr(files, "__file__", module)
    monkeypatch.setattr(sandbox, "_python_paths", set)
    monkeypatch.setattr(sandbox.sys, "path", [])
    assert sandbox._course_folders() == [covered]


def test_tests_that_an_editable_installation_puts_beside_other_packages_are_covered(
    copy, tmp_path, monkeypatch
):
    packages = tmp_path / "venv" / "site-packages"
    (packages / "cnncourse" / "grading" / "labs").mkdir(parents=True)
    monkeypatch.setattr(sandbox, "_python_paths", lambda: {str(packages)})
    binds = sandbox.view(copy, "cpu").binds
    assert (str(packages), str(packages)) in binds
    assert (str(copy / "empty"), str(packages / "cnncourse")) in binds


def test_bubblewrap_is_told_the_whole_view(copy, monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: f"/usr/bin/{name}")
    view = sandbox.View((("/a", "/b"),), (("usr/lib", "/lib"),), ("/dev/null",))
    command = " ".join(sandbox.bubblewrap(view))
    for part in (
        "--ro-bind /a /b",
        "--symlink usr/lib /lib",
        "--dev-bind /dev/null /dev/null",
        "--unshare-net",
        "--unshare-pid",
        "--unshare-ipc",
        "--die-with-parent",
        "--remount-ro /",
    ):
        assert part in command


def test_graphics_devices_are_shown_on_cuda_only(copy, monkeypatch):
    monkeypatch.setattr(sandbox.os, "listdir", lambda path: ["nvidia0", "sda", "null"])
    assert "/dev/nvidia0" in sandbox.view(copy, "cuda").devices
    assert "/dev/nvidia0" not in sandbox.view(copy, "cpu").devices
    assert "/dev/sda" not in sandbox.view(copy, "cuda").devices


# ---- limits and privileges


def test_limits_are_in_force_in_a_child():
    def child():
        sandbox.limit(sandbox.Limits(file=1000), sandbox.address_space() + 2**26, 100)
        try:
            # Straight from the system: malloc may have as much left over from tests before.
            mmap.mmap(-1, 2**28, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except OSError:
            return resource.getrlimit(resource.RLIMIT_FSIZE), resource.getrlimit(resource.RLIMIT_CORE)

    assert in_a_child(child) == "((1000, 1000), (0, 0))"


def test_privileges_are_gone_and_do_not_come_back():
    def child():
        sandbox.drop_privileges(45_000 if os.geteuid() == 0 else None)
        status = Path("/proc/thread-self/status").read_text()
        sets = set(re.findall(r"Cap(?:Inh|Prm|Eff|Amb):\t(\w+)", status))
        try:
            os.setuid(0)
        except PermissionError:
            return sets, "NoNewPrivs:\t1" in status

    if os.geteuid() == 0:
        assert in_a_child(child) == "({'0000000000000000'}, True)"
    else:
        assert "True" in in_a_child(child)


# ---- system calls


@pytest.mark.skipif(not seccomp.supported(), reason=f"no filter for {platform.machine()}")
def test_refused_calls_are_refused_and_others_are_not():
    import socket

    def child():
        sandbox.drop_privileges(None)
        assert sandbox.refuse_system_calls("cpu")
        results = []
        for call in (
            lambda: socket.socket(),
            lambda: os.memfd_create("x"),
            lambda: sandbox.unshare(sandbox.NEWUSER),
            lambda: os.kill(os.getpid(), 0),
            lambda: os.waitpid(os.fork() or os._exit(0), 0),
            lambda: [os.close(end) for end in os.pipe()],
            lambda: socket.socketpair(),
        ):
            try:
                call()
                results.append("ok")
            except OSError as error:
                results.append(error.errno)
        return results

    assert in_a_child(child) == "[1, 1, 1, 'ok', 'ok', 'ok', 1]"


@pytest.mark.skipif(not seccomp.supported(), reason=f"no filter for {platform.machine()}")
def test_where_process_ids_are_not_separated_nobody_can_be_signalled():
    def child():
        sandbox.drop_privileges(None)
        sandbox.refuse_system_calls("cpu", signals=True)
        handle = os.pidfd_open(os.getppid())
        results = []
        for call in (
            lambda: os.kill(os.getppid(), 0),
            lambda: os.kill(-1, 0),
            lambda: signal.pidfd_send_signal(handle, 0),
        ):
            try:
                call()
                results.append("ok")
            except OSError as error:
                results.append(error.errno)
        return results

    assert in_a_child(child) == "[1, 1, 1]"


def test_calls_that_cuda_needs_are_left_to_it():
    def child():
        sandbox.drop_privileges(None)
        sandbox.refuse_system_calls("cuda")
        os.memfd_create("x")
        return "there"

    assert in_a_child(child) == "'there'"


def test_a_machine_without_a_filter_says_so(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert sandbox.refuse_system_calls("cpu") is False


@pytest.mark.parametrize(
    ("column", "header"),
    [(0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), (1, "/usr/include/asm-generic/unistd.h")],
)
def test_the_numbers_are_those_of_the_systems_headers(column, header):
    if not Path(header).exists():
        pytest.skip(f"{header} is not installed")
    numbers = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text()))
    for name, entry in {**seccomp._REFUSED, "clone": seccomp._CLONE, "clone3": seccomp._CLONE3}.items():
        number = entry if isinstance(entry, int) else entry[column]
        assert int(numbers[name]) == number, name
