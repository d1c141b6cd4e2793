"""Pascal VOC's folders, read and written: the embedded scenes and the real VOC 2007, 2011 and 2012 alike.

    JPEGImages/ID.jpg              the images
    Annotations/ID.xml             boxes, names, flags
    SegmentationClass/ID.png       class indices as a palette image; 255 marks borders and what is left out
    ImageSets/Main/SPLIT.txt       the ids of a split, one a line
    ImageSets/Segmentation/SPLIT.txt

VOC's files count pixels from 1 and include the last one; everywhere else in the course a box is
``(x1, y1, x2, y2)`` from 0, right and bottom exclusive. `from_voc` and `to_voc` are the only places that convert.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from cnncourse.files import FileError, write_beside, write_text

# In VOC's own order: a segmentation mask's index is the position here plus one, 0 being the background.
CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
VOID = 255


def from_voc(box: Sequence[float]) -> tuple[float, float, float, float]:
    """``xmin, ymin, xmax, ymax`` counted from 1, last pixel included -> ``x1, y1, x2, y2``, from 0, exclusive."""
    return box[0] - 1, box[1] - 1, box[2], box[3]


def to_voc(box: Sequence[float]) -> tuple[float, float, float, float]:
    """The inverse of :func:`from_voc`."""
    return box[0] + 1, box[1] + 1, box[2], box[3]


@dataclass(frozen=True)
class Annotation:
    """What is known of one image.

    Attributes:
        size: (height, width) in pixels.
        boxes: float32 ``[N, 4]``.
        labels: int64 ``[N]``, positions in the classes asked for.
        difficult, truncated, occluded: bool ``[N]``; evaluation leaves difficult objects out.
    """

    size: tuple[int, int]
    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    truncated: np.ndarray
    occluded: np.ndarray


class VOC:
    """A split of a data set in VOC's layout.

    An item is ``(image, annotation)``, and with masks ``(image, annotation, mask)``: uint8 ``[H, W, 3]``,
    `Annotation`, uint8 ``[H, W]``. Reading it raises FileError where a file is missing or damaged, or where they do
    not fit each other.

    >>> data = VOC("VOCdevkit/VOC2012", "trainval")              # doctest: +SKIP
    >>> image, annotation = data[0]                              # doctest: +SKIP

    Args:
        root: the folder that holds ``Annotations`` (VOC2007, VOC2012, ...).
        split: the name of a list in ``ImageSets/Main``, or, with masks, in ``ImageSets/Segmentation``.
        classes: objects of other known classes are left out (their pixels become void in masks).
        masks: whether items hold masks.

    Raises:
        FileError: no such folder or split.
    """

    def __init__(
        self,
        root: str | os.PathLike,
        split: str = "trainval",
        classes: Sequence[str] = CLASSES,
        masks: bool = False,
    ):
        self.root, self.split, self.classes, self.masks = Path(root), split, tuple(classes), masks
        listing = self.root / "ImageSets" / ("Segmentation" if masks else "Main") / f"{split}.txt"
        if not listing.is_file():
            there = sorted(file.stem for file in listing.parent.glob("*.txt") if "_" not in file.stem)
            raise FileError(
                f"{listing} is not there; {f'splits here: {there}' if there else 'is it a VOC folder?'}"
            )
        self.ids = [line.split()[0] for line in listing.read_text().splitlines() if line.strip()]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int):
        image = self.image(index)
        annotation = self.annotation(index)
        if annotation.size != image.shape[:2]:
            file = self._file("Annotations", index, "xml")
            raise FileError(f"{file} says {annotation.size} (height, width), the image is {image.shape[:2]}")
        if not self.masks:
            return image, annotation
        mask = self.mask(index)
        if mask.shape != image.shape[:2]:
            file = self._file("SegmentationClass", index, "png")
            raise FileError(f"{file} is {mask.shape} (height, width), the image is {image.shape[:2]}")
        return image, annotation, mask

    def image(self, index: int) -> np.ndarray:
        """uint8 ``[H, W, 3]``.

        Raises:
            FileError: the file is missing or is no readable picture.
        """
        return np.array(_open(self._file("JPEGImages", index, "jpg")).convert("RGB"))

    def annotation(self, index: int) -> Annotation:
        """See `read_annotation`."""
        return read_annotation(self._file("Annotations", index, "xml"), self.classes)

    def mask(self, index: int) -> np.ndarray:
        """uint8 ``[H, W]``: 0 background, 1 + position in ``classes``, 255 void.

        Raises:
            FileError: the file is missing, is no readable picture, or holds no class indices.
        """
        file = self._file("SegmentationClass", index, "png")
        picture = _open(file)
        if picture.mode not in ("P", "L"):  # a mask saved in colour has lost its indices
            raise FileError(f"{file} is a picture of mode {picture.mode}, not of palette indices")
        mask = np.array(picture)
        if wrong := set(np.unique(mask).tolist()) - {*range(len(CLASSES) + 1), VOID}:
            raise FileError(
                f"{file} holds the class indices {sorted(wrong)}; VOC has 0 to {len(CLASSES)}, and 255"
            )
        return self._renumber()[mask]

    def _renumber(self) -> np.ndarray:
        table = np.full(256, VOID, np.uint8)
        table[0] = 0
        for position, name in enumerate(self.classes):
            table[1 + CLASSES.index(name)] = 1 + position
        return table

    def _file(self, folder: str, index: int, ending: str) -> Path:
        return self.root / folder / f"{self.ids[index]}.{ending}"


def _open(file: Path) -> Image.Image:
    try:
        picture = Image.open(file)
        picture.load()
    except FileNotFoundError:
        raise FileError(f"{file} is not there, but its id is in the split's list") from None
    except Exception as error:  # Pillow's decoders raise many kinds
        raise FileError(f"{file} is not a readable picture: {error}") from error
    return picture


def read_annotation(file: str | os.PathLike, classes: Sequence[str] = CLASSES) -> Annotation:
    """One annotation file.

    Args:
        classes: what labels count; objects of other known classes are left out.

    Raises:
        FileError: not there, broken XML, an unknown class, a box that is empty or outside the image; names the file.
    """
    try:
        root = ElementTree.parse(file).getroot()
    except FileNotFoundError:
        raise FileError(f"{file} is not there, but its id is in the split's list") from None
    except ElementTree.ParseError as error:
        raise FileError(f"{file} is broken XML: {error}") from error
    try:
        size = int(_text(root, "size/height")), int(_text(root, "size/width"))
        objects = [_read_object(node, size) for node in root.findall("object")]
    except ValueError as error:
        raise FileError(f"{file}: {error}") from error
    kept = [one for one in objects if one[0] in classes]
    boxes = np.array([box for _, box, _ in kept], np.float32).reshape(-1, 4)
    labels = np.array([tuple(classes).index(name) for name, _, _ in kept], np.int64)
    flags = np.array([flags for _, _, flags in kept], bool).reshape(-1, 3)
    return Annotation(size, boxes, labels, *flags.T)


FLAGS = ("difficult", "truncated", "occluded")


def _read_object(node: ElementTree.Element, size: tuple[int, int]):
    name = _text(node, "name")
    if name not in CLASSES:
        raise ValueError(f"unknown class {name!r}; VOC's classes are {', '.join(CLASSES)}")
    # Some of VOC 2011's coordinates have decimals.
    box = from_voc([float(_text(node, f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax")])
    x1, y1, x2, y2 = box
    if not (0 <= x1 < x2 <= size[1] and 0 <= y1 < y2 <= size[0]):
        raise ValueError(f"the box {box} of a {name} is empty or outside the image of {size} (height, width)")
    return name, box, [int(node.findtext(flag) or 0) for flag in FLAGS]


def _text(node: ElementTree.Element, path: str) -> str:
    if (text := node.findtext(path)) is None:
        raise ValueError(f"<{node.tag}> has no {path}")
    return text


def palette() -> list[int]:
    """VOC's colours of the 256 indices, flat: the bits of an index, three at a time, fill R, G and B from the top."""
    colours = []
    for index in range(256):
        rgb = [0, 0, 0]
        for bit in range(8):
            rgb[bit % 3] |= (index >> bit & 1) << (7 - bit // 3)
        colours += rgb
    return colours


def write_image(
    root: Path,
    name: str,
    image: np.ndarray,
    annotation: Annotation,
    mask: np.ndarray,
    classes: Sequence[str] = CLASSES,
) -> None:
    """One image with its annotation and mask, in VOC's layout.

    JPEG loses a little: quality 95 without chroma subsampling, by the integer DCT, which is the same everywhere.

    Args:
        root: the data set's folder; made where it is missing.
        name: the image's id.
        image: uint8 ``[H, W, 3]``.
        mask: uint8 ``[H, W]``: 0 background, 1 + position in ``classes``, 255 void.

    Raises:
        FileError: a file cannot be written.
    """
    jpeg = {"format": "JPEG", "quality": 95, "subsampling": 0}
    write_beside(
        root / "JPEGImages" / f"{name}.jpg", lambda beside: Image.fromarray(image).save(beside, **jpeg)
    )
    table = np.arange(256, dtype=np.uint8)
    for position, known in enumerate(classes):
        table[1 + position] = 1 + CLASSES.index(known)
    picture = Image.fromarray(table[mask])
    picture.putpalette(palette())
    write_beside(
        root / "SegmentationClass" / f"{name}.png", lambda beside: picture.save(beside, format="PNG")
    )
    tree = ElementTree.ElementTree(_annotation_xml(root.name, name, annotation, classes))
    write_beside(root / "Annotations" / f"{name}.xml", tree.write)


def _annotation_xml(
    folder: str, name: str, annotation: Annotation, classes: Sequence[str]
) -> ElementTree.Element:
    top = ElementTree.Element("annotation")
    for tag, text in (("folder", folder), ("filename", f"{name}.jpg")):
        ElementTree.SubElement(top, tag).text = text
    size = ElementTree.SubElement(top, "size")
    for tag, number in zip(("width", "height", "depth"), (*annotation.size[::-1], 3), strict=True):
        ElementTree.SubElement(size, tag).text = str(number)
    ElementTree.SubElement(top, "segmented").text = "1"
    for i, box in enumerate(annotation.boxes):
        one = ElementTree.SubElement(top, "object")
        ElementTree.SubElement(one, "name").text = classes[annotation.labels[i]]
        ElementTree.SubElement(one, "pose").text = "Unspecified"
        for flag in FLAGS:
            ElementTree.SubElement(one, flag).text = str(int(getattr(annotation, flag)[i]))
        corners = ElementTree.SubElement(one, "bndbox")
        for side, value in zip(("xmin", "ymin", "xmax", "ymax"), to_voc(box), strict=True):
            ElementTree.SubElement(corners, side).text = f"{value:g}"
    ElementTree.indent(top)
    return top


def write_split(root: Path, split: str, names: Iterable[str]) -> None:
    """The lists of a split in ``ImageSets``.

    Raises:
        FileError: a file cannot be written.
    """
    text = "".join(f"{name}\n" for name in names)
    for folder in ("Main", "Segmentation"):
        write_text(root / "ImageSets" / folder / f"{split}.txt", text)
