"""CIFAR-10's binary layout: a reader for the embedded set and the real one, and its download (lecture N3).

A batch file is a row of records without a header. A record has 3,073 bytes: the label (0 to 9), then 1,024
red, 1,024 green and 1,024 blue values, each plane row by row. A batch holds 10,000 records, 30,730,000 bytes.

Source: Krizhevsky, "Learning multiple layers of features from tiny images", University of Toronto, 2009.
"""

import os
import shutil
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from cnncourse.data import cache, embedded
from cnncourse.files import FileError

CLASSES = embedded.CLASSES
SIDE = embedded.SIDE
RECORD = 1 + 3 * SIDE**2  # bytes
RECORDS_PER_BATCH = 10_000
BATCHES = {"train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test": ("test_batch.bin",)}

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
HASH = "md5:c32a1d4ab5d03f1284b67883e8d87530"
_FOLDER_IN_ARCHIVE = "cifar-10-batches-bin"
_DOWNLOAD_HINT = (
    "`cnncourse data download` fetches the real set whole; without a folder the embedded set is used."
)


def load(
    split: str = "train", count: int | None = None, data: str | os.PathLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a split, or its first `count`.

    Args:
        split: "train" (50,000 images), "test" (10,000); of the embedded set also "unseen_drawings" and
            "unseen_style" (2,000 each), whose drawings or whose drawing style training never saw.
        count: how many images from the start; all by default.
        data: folder of the real CIFAR-10, binary version. By default the embedded set, composed into
            the cache first where it is missing: about a second for every 1,000 images, once.
    Returns:
        images uint8 [N, 32, 32, 3] (RGB) and labels int64 [N], numbers into `CLASSES`.
    Raises:
        ValueError: no such split, or a count that is negative or more than the split has.
        FileError: a file is missing or damaged; says which, where, and what to do.
    """
    sizes = (
        embedded.SPLITS
        if data is None
        else {name: len(files) * RECORDS_PER_BATCH for name, files in BATCHES.items()}
    )
    if split not in sizes:
        raise ValueError(f"No split is called {split!r} here; there are {', '.join(sizes)}.")
    count = sizes[split] if count is None else count
    if not 0 <= count <= sizes[split]:
        raise ValueError(f"Split {split} has {sizes[split]:,} images: {count:,} cannot be taken from it.")
    return _unpack(cache.records(split, count) if data is None else _read_real(Path(data), split, count))


def read_batch(path: str | os.PathLike, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of one batch file, checked: uint8 [N, 32, 32, 3], int64 [N].

    Raises:
        FileError: the file is missing, has not the size of 10,000 records, or holds a label above 9.
    """
    return _unpack(_read_records(Path(path), RECORDS_PER_BATCH if count is None else count))


def _unpack(records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    images = records[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), records[:, 0].astype(np.int64)


def _read_real(folder: Path, split: str, count: int) -> np.ndarray:
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder. {_DOWNLOAD_HINT}")
    if (folder / _FOLDER_IN_ARCHIVE).is_dir():
        folder = folder / _FOLDER_IN_ARCHIVE
    pieces = [np.empty((0, RECORD), np.uint8)]
    for name in BATCHES[split]:
        if count > 0:
            pieces.append(_read_records(folder / name, min(count, RECORDS_PER_BATCH)))
            count -= RECORDS_PER_BATCH
    return np.concatenate(pieces)


def _read_records(path: Path, count: int) -> np.ndarray:
    _check_size(path)
    records = np.fromfile(path, np.uint8, count * RECORD).reshape(-1, RECORD)
    wrong = np.flatnonzero(records[:, 0] >= len(CLASSES))
    if len(wrong):
        record = int(wrong[0])
        raise FileError(
            f"{path}: byte {record * RECORD:,} (the label of record {record:,}) is {records[record, 0]}, "
            f"but labels end at {len(CLASSES) - 1}. This is no CIFAR-10 batch, or a damaged one. {_DOWNLOAD_HINT}"
        )
    return records


def _check_size(path: Path) -> None:
    if not path.is_file():
        there = ", ".join(sorted(file.name for file in path.parent.glob("*"))[:8]) or "nothing"
        hint = (
            " Those are the Python version's batches: get the binary version."
            if "data_batch_1," in there
            else ""
        )
        raise FileError(f"{path} is missing; the folder holds {there}.{hint} {_DOWNLOAD_HINT}")
    size, whole = path.stat().st_size, RECORDS_PER_BATCH * RECORD
    if size < whole:
        raise FileError(
            f"{path} is truncated: it ends at byte {size:,}, in record {size // RECORD:,}, but a batch has "
            f"{RECORDS_PER_BATCH:,} records of {RECORD:,} bytes ({whole:,} bytes). {_DOWNLOAD_HINT}"
        )
    if size > whole:
        raise FileError(
            f"{path} is no CIFAR-10 batch: it has {size:,} bytes, and a batch ends at byte {whole:,}. "
            f"{_DOWNLOAD_HINT}"
        )


def download(folder: str | os.PathLike | None = None, url: str = URL, known_hash: str = HASH) -> Path:
    """Fetch the real CIFAR-10 (binary version, 170 MB), check its hash and unpack it; once.

    Archive and folder are made beside their place and renamed once they are whole.

    Args:
        folder: where ``cifar-10-batches-bin`` goes; by default beside the embedded set, in the cache.
    Returns:
        The folder of the batches, for `load`'s argument `data`.
    Raises:
        FileError: the download failed, or what came is not what was asked for; says what to do instead.
    """
    folder = Path(folder) if folder else cache.folder().parent
    target = folder / _FOLDER_IN_ARCHIVE
    if not target.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        archive = _fetch(folder, url, known_hash)
        _unpack_archive(archive, target)
        archive.unlink()
    return target


def _fetch(folder: Path, url: str, known_hash: str) -> Path:
    import pooch

    try:
        return Path(pooch.retrieve(url, known_hash, fname="cifar-10-binary.tar.gz", path=folder))
    except OSError as error:  # requests' errors are OSErrors
        raise FileError(
            f"{url} could not be fetched ({error}). Without a network, unpack cifar-10-binary.tar.gz from "
            "another machine and give its folder as data; or use the embedded set, which needs no network."
        ) from error
    except ValueError as error:
        raise FileError(f"What {url} sent is not CIFAR-10's archive, and was not kept: {error}") from error


def _unpack_archive(archive: Path, target: Path) -> None:
    beside = Path(tempfile.mkdtemp(prefix="unpacking-", dir=target.parent))
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(beside, filter="data")  # refuses links and paths that lead out of the folder
        os.replace(beside / _FOLDER_IN_ARCHIVE, target)
    except (tarfile.TarError, EOFError, FileNotFoundError) as error:
        raise FileError(f"{archive} holds no {_FOLDER_IN_ARCHIVE} that can be unpacked: {error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
