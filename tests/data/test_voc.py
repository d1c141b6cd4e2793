"""Pascal VOC's layout: what is written is read back; what is broken is named."""

import numpy as np
import pytest
from PIL import Image

from cnncourse.data import voc
from cnncourse.data.voc import VOC
from cnncourse.files import FileError

# As a real VOC 2012 annotation looks: a part inside an object, a box with decimals, a missing flag.
REAL = """<annotation>
  <folder>VOC2012</folder><filename>2007_000027.jpg</filename>
  <source><database>The VOC2007 Database</database></source>
  <size><width>20</width><height>10</height><depth>3</depth></size>
  <segmented>0</segmented>
  <object>
    <name>person</name><pose>Unspecified</pose><truncated>1</truncated><difficult>0</difficult>
    <bndbox><xmin>3</xmin><ymin>1</ymin><xmax>20</xmax><ymax>10</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>5</xmin><ymin>2</ymin><xmax>7</xmax><ymax>4</ymax></bndbox></part>
  </object>
  <object>
    <name>bird</name><difficult>1</difficult><occluded>1</occluded>
    <bndbox><xmin>1.5</xmin><ymin>2</ymin><xmax>4.25</xmax><ymax>6</ymax></bndbox>
  </object>
</annotation>"""


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "VOC2012"
    for name in (
        "JPEGImages",
        "Annotations",
        "SegmentationClass",
        "ImageSets/Main",
        "ImageSets/Segmentation",
    ):
        (root / name).mkdir(parents=True)
    (root / "Annotations/a.xml").write_text(REAL)
    Image.fromarray(np.full((10, 20, 3), 80, np.uint8)).save(root / "JPEGImages/a.jpg")
    mask = np.zeros((10, 20), np.uint8)
    mask[2:5, 3:6], mask[6, 6], mask[7, 7] = 15, 3, 255
    Image.fromarray(mask).save(root / "SegmentationClass/a.png")
    voc.write_split(root, "val", ["a"])
    return root


def test_a_real_annotation_is_read_with_boxes_from_zero_and_exclusive(folder):
    annotation = voc.read_annotation(folder / "Annotations/a.xml")
    assert annotation.size == (10, 20)
    np.testing.assert_array_equal(annotation.boxes, np.float32([[2, 0, 20, 10], [0.5, 1, 4.25, 6]]))
    assert [voc.CLASSES[label] for label in annotation.labels] == ["person", "bird"]
    assert annotation.truncated.tolist() == [True, False]
    assert annotation.difficult.tolist() == [False, True]
    assert annotation.occluded.tolist() == [False, True]


def test_conversions_are_inverse_and_a_box_of_one_pixel_has_area_one():
    assert voc.from_voc((5, 7, 5, 7)) == (4, 6, 5, 7)
    assert voc.to_voc(voc.from_voc((5, 7, 9, 8))) == (5, 7, 9, 8)


def test_an_item_is_the_image_its_annotation_and_its_mask(folder):
    image, _, mask = VOC(folder, "val", masks=True)[0]
    assert image.shape == (10, 20, 3)
    assert image.dtype == mask.dtype == np.uint8
    assert (mask[3, 4], mask[6, 6], mask[7, 7], mask[0, 0]) == (15, 3, 255, 0)


def test_classes_left_out_are_neither_labelled_nor_background(folder):
    _, annotation, mask = VOC(folder, "val", classes=("bird", "cat"), masks=True)[0]
    assert annotation.labels.tolist() == [0]
    assert (mask[6, 6], mask[3, 4], mask[0, 0]) == (1, voc.VOID, 0)  # a person is void, not background


def test_an_annotation_without_objects_has_empty_arrays(folder):
    (folder / "Annotations/a.xml").write_text(
        "<annotation><size><width>4</width><height>3</height></size></annotation>"
    )
    annotation = voc.read_annotation(folder / "Annotations/a.xml")
    assert annotation.boxes.shape == (0, 4)
    assert annotation.labels.shape == annotation.difficult.shape == (0,)


def box(xmin, ymin, xmax, ymax):
    return f"<xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax>"


BREAKS = {
    "broken XML": (lambda xml: xml[:300], r"a\.xml is broken XML"),
    "outside": (
        lambda xml: xml.replace("<xmax>20<", "<xmax>21<"),
        r"a\.xml: .*person.*outside the image of \(10, 20\)",
    ),
    "crossed": (lambda xml: xml.replace("<xmax>20<", "<xmax>1<"), r"a\.xml: .*empty"),
    "unknown": (lambda xml: xml.replace("bird", "unicorn"), r"a\.xml: unknown class 'unicorn'"),
    "no size": (lambda xml: xml.replace("height", "tallness"), r"a\.xml: <annotation> has no size/height"),
    "no number": (lambda xml: xml.replace("<ymin>2<", "<ymin>two<"), r"a\.xml: could not convert .*two"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_annotation_is_named(folder, name):
    change, message = BREAKS[name]
    (folder / "Annotations/a.xml").write_text(change(REAL))
    with pytest.raises(FileError, match=message):
        VOC(folder, "val")[0]


def test_a_missing_file_is_named(folder):
    data = VOC(folder, "val", masks=True)
    for name in ("SegmentationClass/a.png", "Annotations/a.xml", "JPEGImages/a.jpg"):
        (folder / name).unlink()
        with pytest.raises(FileError, match=f"{name} is not there"):
            data[0]


def test_a_mask_that_lost_its_indices_is_named(folder):
    Image.new("RGB", (20, 10)).save(folder / "SegmentationClass/a.png")
    with pytest.raises(FileError, match=r"a\.png is a picture of mode RGB"):
        VOC(folder, "val", masks=True)[0]
    Image.fromarray(np.full((10, 20), 77, np.uint8)).save(folder / "SegmentationClass/a.png")
    with pytest.raises(FileError, match=r"class indices \[77\]"):
        VOC(folder, "val", masks=True)[0]


def test_sizes_that_differ_are_named(folder):
    Image.new("P", (20, 9)).save(folder / "SegmentationClass/a.png")
    with pytest.raises(FileError, match=r"a\.png is \(9, 20\).* image is \(10, 20\)"):
        VOC(folder, "val", masks=True)[0]
    Image.new("RGB", (9, 20)).save(folder / "JPEGImages/a.jpg")
    with pytest.raises(FileError, match=r"a\.xml says \(10, 20\).* image is \(20, 9\)"):
        VOC(folder, "val", masks=True)[0]


def test_a_split_that_is_not_there_names_those_that_are(folder):
    with pytest.raises(FileError, match=r"trainval\.txt is not there; splits here: \['val'\]"):
        VOC(folder, "trainval")
    with pytest.raises(FileError, match="is it a VOC folder"):
        VOC(folder / "nowhere", "val")


def test_the_palette_is_vocs():
    # The development kit's documentation gives these: aeroplane, bicycle, cat, person, tvmonitor, void.
    known = {1: (128, 0, 0), 2: (0, 128, 0), 8: (64, 0, 0), 15: (192, 128, 128), 20: (0, 64, 128)}
    known[255] = (224, 224, 192)
    for index, colour in known.items():
        assert tuple(voc.palette()[3 * index : 3 * index + 3]) == colour
