"""Writes, changes and deletes files wherever it can."""

import os
import sys

MARK = "cnncourse-attack"


def attack():
    import cnncourse

    done = []
    places = [
        "/",
        "/tmp",
        "/usr",
        "/etc",
        "/root",
        "/home",
        "/var/tmp",
        "/dev",
        "/dev/shm",
        "/run",
        "/proc",
        "/sys",
    ]
    places += [
        os.path.dirname(cnncourse.__file__),
        sys.prefix,
        os.path.dirname(os.__file__),
        os.path.expanduser("~/.."),
    ]
    places += [path for path in sys.path if path]
    for place in places:
        for path in (os.path.join(place, MARK), os.path.join(place, "..", MARK)):
            try:
                with open(path, "w") as file:
                    file.write(MARK)
                done.append(path)
            except OSError:
                pass
    # harmless where they succeed: this is run by tests, on machines that are needed afterwards
    for path in (cnncourse.__file__, os.__file__, "/etc/passwd", sys.executable, sys.prefix):
        for harm in (
            lambda path: os.rename(path, path),
            lambda path: os.chmod(path, os.stat(path).st_mode),
            os.utime,
        ):
            try:
                harm(path)
                done.append(path)
            except OSError:
                pass
    try:
        os.unlink("/tmp/cnncourse-attack-decoy")
        done.append("the decoy")
    except OSError:
        pass
    return done


def answer(x):
    return len(attack())
