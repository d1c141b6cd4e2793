"""The reader of CIFAR-10's binary layout, and the real one's download (N3)."""

import hashlib
import http.server
import io
import os
import tarfile
import threading

import numpy as np
import pytest

from cnncourse.data import cifar10
from cnncourse.files import FileError

RECORDS = 20  # in a batch, instead of 10,000


def batch_bytes(seed):
    """A batch as the published files have it, byte by byte."""
    rng = np.random.default_rng(seed)
    out = bytearray()
    for _ in range(RECORDS):
        out.append(rng.integers(10))
        for _plane in "red", "green", "blue":
            out += rng.integers(0, 256, 1024, dtype=np.uint8).tobytes()
    return bytes(out)


@pytest.fixture
def real(tmp_path, monkeypatch):
    """A folder as the real archive unpacks to, with small batches."""
    monkeypatch.setattr(cifar10, "RECORDS_PER_BATCH", RECORDS)
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for seed, name in enumerate([*cifar10.BATCHES["train"], *cifar10.BATCHES["test"]]):
        (folder / name).write_bytes(batch_bytes(seed))
    (folder / "batches.meta.txt").write_text("\n".join(cifar10.CLASSES) + "\n")
    return folder


def test_n3_the_sizes_are_those_of_the_published_set():
    assert (cifar10.RECORD, cifar10.RECORDS_PER_BATCH, len(cifar10.CLASSES)) == (3073, 10_000, 10)
    assert len(cifar10.BATCHES["train"]) * cifar10.RECORDS_PER_BATCH == 50_000
    assert len(cifar10.BATCHES["test"]) * cifar10.RECORDS_PER_BATCH == 10_000


def test_n3_every_pixel_is_read_from_its_place(real):
    images, labels = cifar10.load("train", data=real)
    assert images.shape == (100, 32, 32, 3) and images.dtype == np.uint8 and images.flags.c_contiguous
    assert labels.shape == (100,) and labels.dtype == np.int64
    third = (real / "data_batch_3.bin").read_bytes()
    for record, y, x, channel in [(0, 0, 0, 0), (7, 31, 0, 1), (19, 12, 30, 2)]:
        offset = record * 3073 + 1 + channel * 1024 + y * 32 + x
        assert images[2 * RECORDS + record, y, x, channel] == third[offset]
        assert labels[2 * RECORDS + record] == third[record * 3073]


def test_a_prefix_is_the_start_of_the_whole_and_may_cross_batches(real):
    whole, labels = cifar10.load("train", data=real)
    for count in (0, 1, 20, 33, 100):
        images, some = cifar10.load("train", count, data=real)
        assert np.array_equal(images, whole[:count]) and np.array_equal(some, labels[:count])


def test_the_folder_above_does_as_well_and_a_string_too(real):
    assert np.array_equal(cifar10.load("test", data=str(real.parent))[1], cifar10.load("test", data=real)[1])


def test_one_batch_can_be_read_alone(real):
    images, labels = cifar10.read_batch(real / "test_batch.bin")
    assert np.array_equal(images, cifar10.load("test", data=real)[0]) and len(labels) == RECORDS


def test_a_prefix_needs_no_later_batch(real):
    (real / "data_batch_2.bin").unlink()
    assert len(cifar10.load("train", RECORDS, data=real)[0]) == RECORDS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b[:30_000], r"data_batch_2\.bin is truncated: it ends at byte 30,000, in record 9"),
        (lambda b: b[:-1], r"data_batch_2\.bin is truncated: it ends at byte 61,459, in record 19"),
        (lambda b: b"", r"data_batch_2\.bin is truncated: it ends at byte 0"),
        (lambda b: b + b"x", r"data_batch_2\.bin is no CIFAR-10 batch: it has 61,461 bytes.*byte 61,460"),
        (
            lambda b: b[: 4 * 3073] + b"\x0a" + b[4 * 3073 + 1 :],
            r"data_batch_2\.bin: byte 12,292 \(the label of record 4\) is 10, but labels end at 9",
        ),
        (None, r"data_batch_2\.bin is missing; the folder holds batches\.meta\.txt, data_batch_1\.bin"),
    ],
    ids=["truncated", "a-byte-short", "empty", "a-byte-long", "label", "missing"],
)
def test_n3_a_damaged_file_is_an_error_that_names_file_and_offset(real, change, message):
    path = real / "data_batch_2.bin"
    if change:
        path.write_bytes(change(path.read_bytes()))
    else:
        path.unlink()
    with pytest.raises(FileError, match=message) as caught:
        cifar10.load("train", data=real)
    assert str(real) in str(caught.value) and "cnncourse data download" in str(caught.value)


def test_a_missing_folder_and_the_python_version_are_told_apart(real, tmp_path):
    with pytest.raises(FileError, match="nowhere is not a folder"):
        cifar10.load("train", data=tmp_path / "nowhere")
    python_version = tmp_path / "python"
    python_version.mkdir()
    (python_version / "data_batch_1").touch()
    (python_version / "data_batch_2").touch()
    with pytest.raises(FileError, match="get the binary version"):
        cifar10.load("train", data=python_version)


def test_wrong_splits_and_counts_are_refused(real):
    with pytest.raises(ValueError, match=r"'unseen_style' here; there are train, test\."):
        cifar10.load("unseen_style", data=real)
    with pytest.raises(ValueError, match=r"has 20 images: 21"):
        cifar10.load("test", 21, data=real)
    with pytest.raises(ValueError, match=r"has 10,000 images: -1"):
        cifar10.load("test", -1)
    with pytest.raises(ValueError, match=r"unseen_drawings, unseen_style"):
        cifar10.load("val")


# The download, from a server on this machine


def archive_of(folder, *extra):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        tar.add(folder, "cifar-10-batches-bin")
        for member in extra:
            tar.addfile(member)
    return data.getvalue()


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Serves bytes at a URL; `cut` promises more than it sends."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    state = {"requests": 0}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            state["requests"] += 1
            self.send_response(200 if state["data"] is not None else 404)
            body = state["data"] or b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if state["cut"] else body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def publish(data, cut=False):
        state.update(data=data, cut=cut)
        return f"http://127.0.0.1:{server.server_port}/cifar-10-binary.tar.gz", state

    yield publish
    server.shutdown()
    server.server_close()


def md5(data):
    return "md5:" + hashlib.md5(data).hexdigest()


def test_the_published_archive_is_the_one_asked_for():
    assert cifar10.URL.endswith("cifar-10-binary.tar.gz")
    assert cifar10.HASH == "md5:c32a1d4ab5d03f1284b67883e8d87530"


def test_a_download_is_unpacked_and_readable_and_done_once(real, serve, tmp_path):
    archive = archive_of(real)
    url, state = serve(archive)
    target = cifar10.download(tmp_path / "to", url, md5(archive))
    assert np.array_equal(cifar10.load("train", data=target)[0], cifar10.load("train", data=real)[0])
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["cifar-10-batches-bin"]
    assert cifar10.download(tmp_path / "to", url, md5(archive)) == target
    assert state["requests"] == 1


def test_a_download_with_another_hash_is_not_kept(real, serve, tmp_path):
    url, _ = serve(archive_of(real))
    with pytest.raises(FileError, match="not CIFAR-10's archive, and was not kept"):
        cifar10.download(tmp_path / "to", url, "md5:" + "0" * 32)
    assert list((tmp_path / "to").iterdir()) == []


def test_an_interrupted_download_is_never_taken_for_whole(real, serve, tmp_path):
    archive = archive_of(real)
    url, _ = serve(archive, cut=True)
    with pytest.raises(FileError):
        cifar10.download(tmp_path / "to", url, md5(archive))
    assert list((tmp_path / "to").iterdir()) == []
    url, _ = serve(archive)
    assert cifar10.download(tmp_path / "to", url, md5(archive)).is_dir()


def test_unpacking_that_breaks_off_is_never_taken_for_whole(real, serve, tmp_path, monkeypatch):
    archive = archive_of(real)
    url, _ = serve(archive)
    extract = tarfile.TarFile.extractall

    def break_off(tar, path, **options):
        extract(tar, path, members=tar.getmembers()[:3], **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tarfile.TarFile, "extractall", break_off)
        with pytest.raises(KeyboardInterrupt):
            cifar10.download(tmp_path / "to", url, md5(archive))
    assert not (tmp_path / "to" / "cifar-10-batches-bin").exists()
    assert len(cifar10.load("train", data=cifar10.download(tmp_path / "to", url, md5(archive)))[0]) == 100


def test_an_archive_that_leads_out_of_its_folder_is_refused(real, serve, tmp_path):
    archive = archive_of(real, tarfile.TarInfo("../outside"))
    url, _ = serve(archive)
    with pytest.raises(FileError, match="outside"):
        cifar10.download(tmp_path / "to", url, md5(archive))
    assert not (tmp_path / "outside").exists() and not (tmp_path / "to" / "cifar-10-batches-bin").exists()


def test_an_archive_of_something_else_is_refused(serve, tmp_path):
    other = io.BytesIO()
    tarfile.open(fileobj=other, mode="w:gz").close()
    url, _ = serve(other.getvalue())
    with pytest.raises(FileError, match="holds no cifar-10-batches-bin"):
        cifar10.download(tmp_path / "to", url, md5(other.getvalue()))


def test_without_a_network_the_error_says_what_to_do_instead(serve, tmp_path):
    url, _ = serve(None)
    for address in (url, "http://127.0.0.1:9/cifar-10-binary.tar.gz"):
        with pytest.raises(
            FileError, match=r"could not be fetched.*give its folder as data; or use the embed"
        ):
            cifar10.download(tmp_path / "to", address, cifar10.HASH)
