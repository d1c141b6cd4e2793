"""Where the embedded data lies on disk, and how it gets there whole.

A batch (10,000 images) is composed in parts of 1,000 that are kept until all ten are there: a prefix needs no
more than its parts, and an interrupted composition goes on where it stopped. A part or batch is written
beside its place and renamed when it is complete, so a file under its final name is whole.
"""

import contextlib
import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import platformdirs
from filelock import FileLock

from cnncourse.data import embedded
from cnncourse.files import write_bytes, write_text
from cnncourse.processes import cores, side_by_side
from cnncourse.progress import progress_bar

Part = tuple[Path, str, int, int]  # file, split, first image, image after the last
PART = 1_000  # images
BATCH = 10_000  # images
RECORD = 1 + 3 * embedded.SIDE**2  # bytes: a label, then the red, the green and the blue plane
CHECKSUMS = "SHA256SUMS"  # in the format that sha256sum -c reads


def folder() -> Path:
    """In $CNNCOURSE_CACHE or else the user's cache; the composer's version is in the folder's name."""
    root = os.environ.get("CNNCOURSE_CACHE") or platformdirs.user_cache_dir("cnncourse")
    return Path(root) / f"embedded-cifar10-v{embedded.VERSION}"


def batches(split: str) -> dict[str, range]:
    """File name -> the images of the split that it holds."""
    size = embedded.SPLITS[split]
    if split == "train":
        return {f"data_batch_{i + 1}.bin": range(i * BATCH, (i + 1) * BATCH) for i in range(size // BATCH)}
    return {"test_batch.bin" if split == "test" else f"{split}.bin": range(size)}


def records(split: str, count: int, progress: bool = True) -> np.ndarray:
    """The first `count` records of a split, composed if need be: uint8 [count, 3073].

    Args:
        progress: whether a bar on the terminal says how far it is.

    Raises:
        FileError: a file cannot be written.
    """
    _provide({split: count}, progress)
    pieces = [np.empty((0, RECORD), np.uint8)]
    for name, indices in batches(split).items():
        if count > indices.start:
            pieces += _read(folder() / name, min(count - indices.start, len(indices)))
    return np.concatenate(pieces)


def _read(batch: Path, count: int) -> list[np.ndarray]:
    """The first records of a batch, from its file or its parts: uint8 [n, 3073] each."""
    if batch.exists():
        return [np.fromfile(batch, np.uint8, count * RECORD).reshape(-1, RECORD)]
    with FileLock(folder() / ".lock"):  # another process may be making a batch of the parts
        files = [batch] if batch.exists() else _parts(batch.name, count)
        records = [np.fromfile(file, np.uint8).reshape(-1, RECORD) for file in files]
    records[-1] = records[-1][: count - sum(map(len, records[:-1]))]
    return records


def compose_all(progress: bool = True) -> Path:
    """Compose every split, as far as it is not there, and give the folder.

    Raises:
        FileError: a file cannot be written.
    """
    _provide(embedded.SPLITS, progress)
    return folder()


def _provide(counts: dict[str, int], progress: bool) -> None:
    """Make the first so many images of each split lie in the cache."""
    if not _missing(counts):
        return
    folder().mkdir(parents=True, exist_ok=True)
    with FileLock(folder() / ".lock"):
        missing = _missing(counts)  # another process may have composed them meanwhile
        for done in _composed(missing, progress):
            _join(done)
        write_text(folder() / "batches.meta.txt", "".join(f"{name}\n" for name in (*embedded.CLASSES, "")))


def _missing(counts: dict[str, int]) -> list[Part]:
    """The parts that have to be composed."""
    missing = []
    for split, count in counts.items():
        for name, indices in batches(split).items():
            wanted = min(count - indices.start, len(indices))
            if wanted <= 0 or _whole(folder() / name, len(indices)):
                continue
            for number, part in enumerate(_parts(name, wanted)):
                start = indices.start + number * PART
                if not _has_size(part, PART):
                    missing.append((part, split, start, start + PART))
    return missing


def _parts(name: str, count: int) -> list[Path]:
    return [folder() / "parts" / f"{name}.{number:02d}" for number in range(-(-count // PART))]


def _whole(path: Path, images: int) -> bool:
    """Whether the batch is there as it was written, by size and checksum; a damaged one is removed."""
    if not path.exists():
        return False
    if (
        _has_size(path, images)
        and _checksums().get(path.name) == hashlib.sha256(path.read_bytes()).hexdigest()
    ):
        return True
    warnings.warn(f"{path} is not what was written there; it will be composed again.", stacklevel=2)
    path.unlink(missing_ok=True)
    return False


def _has_size(path: Path, images: int) -> bool:
    return path.exists() and path.stat().st_size == images * RECORD


def _checksums() -> dict[str, str]:
    try:
        lines = (folder() / CHECKSUMS).read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _join(part: Path) -> None:
    """When all parts of the batch are there, make the batch of them and note its checksum."""
    name = part.name.rpartition(".")[0]
    split = next(split for split in embedded.SPLITS if name in batches(split))
    parts = _parts(name, len(batches(split)[name]))
    if not all(_has_size(part, PART) for part in parts):
        return
    data = b"".join(part.read_bytes() for part in parts)
    # The checksum first: a batch without one would count as damaged.
    sums = _checksums() | {name: hashlib.sha256(data).hexdigest()}
    write_text(folder() / CHECKSUMS, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)))
    write_bytes(folder() / name, data)
    for part in parts:
        part.unlink()


def _composed(parts: Sequence[Part], progress: bool) -> Iterator[Path]:
    """Compose the parts on all cores and yield each file once it is there."""
    for leftover in folder().glob("**/.*.part"):  # of a process that was killed: we hold the lock
        leftover.unlink()
    bar = progress_bar("Composing images", total=len(parts) * PART, unit="images")
    with bar if progress else contextlib.nullcontext(lambda images: None) as advance:
        for number, data in side_by_side(_compose_part, [part[1:] for part in parts], cores()):
            file = parts[number][0]
            write_bytes(file, data)
            advance(PART)
            yield file


def _compose_part(split: str, start: int, stop: int) -> bytes:
    """The records of these images."""
    images, labels = embedded.compose_range(split, start, stop)
    rows = np.empty((len(images), RECORD), np.uint8)
    rows[:, 0] = labels
    rows[:, 1:] = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return rows.tobytes()
