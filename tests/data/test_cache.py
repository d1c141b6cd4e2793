"""The cache: what lies there is whole, and nothing is composed that was not asked for."""

import hashlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from cnncourse.data import cache, cifar10, embedded


@pytest.fixture
def small(monkeypatch, tmp_path):
    """An empty cache, and a data set small enough to compose in a test: parts of 10, batches of 30 images."""
    monkeypatch.setenv("CNNCOURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "PART", 10)
    monkeypatch.setattr(cache, "BATCH", 30)
    monkeypatch.setattr(cache, "cores", lambda: 1)  # in this process
    sizes = {"train": 60, "test": 30, "unseen_drawings": 20, "unseen_style": 20}
    monkeypatch.setattr(embedded, "SPLITS", sizes)
    return tmp_path


def files():
    return {
        path.relative_to(cache.folder()).as_posix() for path in cache.folder().rglob("*") if path.is_file()
    }


def composed(monkeypatch):
    """The list that the split and first image of every composed part are added to from now on."""
    parts, compose = [], cache._compose_part
    monkeypatch.setattr(cache, "_compose_part", lambda *part: parts.append(part[:2]) or compose(*part))
    return parts


def test_n3_the_folder_has_cifars_layout_and_a_checksum_file(small):
    assert cache.compose_all(progress=False) == cache.folder()
    batches = ["data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"]
    batches += ["unseen_drawings.bin", "unseen_style.bin"]
    assert files() == {*batches, "batches.meta.txt", "SHA256SUMS", ".lock"}
    assert (cache.folder() / "batches.meta.txt").read_text().split() == list(cifar10.CLASSES)
    sums = dict(line.split()[::-1] for line in (cache.folder() / "SHA256SUMS").read_text().splitlines())
    digests = {name: hashlib.sha256((cache.folder() / name).read_bytes()).hexdigest() for name in batches}
    assert sums == digests
    assert str(embedded.VERSION) in cache.folder().name and cache.folder().parent == small


def test_n3_a_record_is_the_label_and_then_the_three_planes(small):
    row = cache.records("test", 7, progress=False)[6]
    image = embedded.compose("test", 6)
    planes = [image[y, x, c] for c in range(3) for y in range(32) for x in range(32)]
    assert row.tolist() == [embedded.label("test", 6), *planes]


def test_a_prefix_composes_no_more_than_its_parts_and_is_the_start_of_the_whole(small, monkeypatch):
    parts = composed(monkeypatch)
    prefix = cache.records("train", 14, progress=False)
    assert parts == [("train", 0), ("train", 10)]
    whole = cache.records("train", 60, progress=False)
    assert len(parts) == 6
    assert np.array_equal(whole[:14], prefix) and len(whole) == 60
    images, labels = embedded.compose_range("train", 0, 60)
    got_images, got_labels = cifar10.load("train", 60)
    assert np.array_equal(got_images, images) and np.array_equal(got_labels, labels)


def test_a_second_time_nothing_is_composed(small, monkeypatch):
    first = cache.records("train", 35, progress=False)
    parts = composed(monkeypatch)
    assert np.array_equal(cache.records("train", 35, progress=False), first)
    cache.records("train", 3, progress=False)
    assert parts == []


def test_no_images_are_none(small):
    assert cache.records("train", 0, progress=False).shape == (0, 3073)


def test_a_damaged_batch_is_noticed_and_composed_again(small):
    whole = cache.records("test", 30, progress=False)
    path = cache.folder() / "test_batch.bin"
    for damaged in (path.read_bytes()[:-1], path.read_bytes()[:-1] + b"\x07", b""):
        path.write_bytes(damaged)
        with pytest.warns(UserWarning, match=r"test_batch\.bin is not what was written"):
            again = cache.records("test", 30, progress=False)
        assert np.array_equal(again, whole)


def test_a_part_that_is_not_whole_is_composed_again(small):
    prefix = cache.records("test", 15, progress=False)
    part = cache.folder() / "parts" / "test_batch.bin.01"
    part.write_bytes(part.read_bytes()[:100])
    assert np.array_equal(cache.records("test", 15, progress=False), prefix)


def test_what_a_killed_process_left_half_written_is_cleared_away(small):
    half = cache.folder() / "parts" / ".test_batch.bin.00.99999.part"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    cache.records("test", 5, progress=False)
    assert not half.exists()


def test_the_cache_is_where_the_environment_says_or_where_the_system_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("CNNCOURSE_CACHE", str(tmp_path))
    assert cache.folder().parent == tmp_path
    monkeypatch.delenv("CNNCOURSE_CACHE")
    monkeypatch.setattr(cache.platformdirs, "user_cache_dir", lambda name: f"/caches/{name}")
    assert cache.folder().parent.as_posix() == "/caches/cnncourse"


# With real workers, in processes of their own

COMPOSE = """
from cnncourse.data import cache
cache.PART, cache.BATCH = 20, 200
cache.embedded.SPLITS = {"train": 200, "test": 40}
records = cache.records("train", 200, progress=False)
print(__import__("hashlib").sha256(records.tobytes()).hexdigest())
"""  # no `if __name__ == "__main__"`, as a student would write it


def composer(folder):
    environment = os.environ | {"CNNCOURSE_CACHE": str(folder)}
    script = folder / "script.py"
    script.write_text(COMPOSE)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [sys.executable, script], env=environment, text=True, start_new_session=True, **pipes
    )


def test_killed_in_the_middle_it_goes_on_later_and_gives_the_same_bytes(tmp_path):
    process = composer(tmp_path)
    parts = tmp_path / cache.folder().name / "parts"
    deadline = time.monotonic() + 60
    while len(list(parts.glob("*.bin.??"))) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was done before it could be killed"
    assert not (parts.parent / "data_batch_1.bin").exists()
    kept = {path: path.stat().st_mtime_ns for path in parts.glob("*.bin.??")}
    assert kept and all(path.stat().st_size == 20 * 3073 for path in kept)

    # Two at once afterwards: one composes, the other waits for it.
    later = [composer(tmp_path), composer(tmp_path)]
    outputs = [process.communicate(timeout=120) for process in later]
    assert [process.returncode for process in later] == [0, 0], outputs
    images, labels = embedded.compose_range("train", 0, 200)
    rows = np.column_stack([labels.astype(np.uint8), images.transpose(0, 3, 1, 2).reshape(200, -1)])
    expected = hashlib.sha256(rows.tobytes()).hexdigest()
    assert [out.strip() for out, _ in outputs] == [expected, expected]
    assert not list(tmp_path.rglob("*.part")) and not list(parts.iterdir())


def test_composing_never_imports_torch():
    code = """if True:
        import sys
        from cnncourse.data import cache, cifar10
        cache._compose_part("test", 0, 2)
        sys.exit("torch" in sys.modules)
    """
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_worker_that_fails_is_an_error_that_says_why(monkeypatch, tmp_path):
    monkeypatch.setenv("CNNCOURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "PART", 5)
    monkeypatch.setattr(embedded, "SPLITS", {"test": 100_000})  # the workers know of 10,000
    with pytest.raises(ValueError, match="images 0 to 9,999"):
        list(cache._composed([(tmp_path / "a", "test", i, i + 5) for i in (99_990, 99_995)], progress=False))
