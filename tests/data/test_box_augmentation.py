"""Augmentation moves boxes and masks with the image (D16): objects are marked by a colour and followed."""

import pytest
import torch

from cnncourse.data import box_augmentation, voc
from cnncourse.data.box_augmentation import apply, flip, resized, ssd_augmentation

SHAPE = 60, 80
BOXES = torch.tensor([[20.0, 10, 50, 30], [0, 40, 12, 60]])


@pytest.fixture
def scene():
    """Two objects, one pure red and one pure green, on grey."""
    image = torch.full((3, *SHAPE), 128, dtype=torch.uint8)
    mask = torch.zeros(SHAPE, dtype=torch.uint8)
    for number, (x1, y1, x2, y2) in enumerate(BOXES.int().tolist()):
        image[:, y1:y2, x1:x2] = 0
        image[number, y1:y2, x1:x2] = 255
        mask[y1:y2, x1:x2] = 1 + number
    return image, {
        "boxes": BOXES,
        "labels": torch.tensor([0, 1]),
        "difficult": torch.tensor([False, True]),
        "mask": mask,
    }


def tight_box(pixels):
    ys, xs = torch.nonzero(pixels, as_tuple=True)
    return [xs.min().item(), ys.min().item(), xs.max().item() + 1, ys.max().item() + 1]


def generator(seed):
    return torch.Generator().manual_seed(seed)


def geometry():
    """SSD's augmentation without the colours, which would hide the marks."""
    transforms = ssd_augmentation().transforms
    return box_augmentation.v2.Compose([t for t in transforms if "Photometric" not in type(t).__name__])


def test_objects_stay_in_their_boxes_and_masks(scene):
    counts = set()
    for seed in range(60):
        image, target = apply(geometry(), *scene, generator(seed))
        counts.add(len(target["boxes"]))
        for box, label in zip(target["boxes"], target["labels"], strict=True):
            red_or_green = (image[label] == 255) & (image[1 - label] == 0)
            assert tight_box(red_or_green) == box.tolist()
            assert tight_box(target["mask"] == label + 1) == box.tolist()
    assert counts == {1, 2}  # sometimes a crop leaves one out, and never all of them


def test_other_marks_stay_with_their_box(scene):
    for seed in range(30):
        _, target = apply(ssd_augmentation(), *scene, generator(seed))
        assert torch.equal(target["difficult"], target["labels"] == 1)


def test_what_expansion_adds_is_void_in_the_mask_and_the_mean_in_the_image(scene):
    for seed in range(30):
        image, target = apply(geometry(), *scene, generator(seed))
        void = target["mask"] == voc.VOID
        if void.any():
            assert torch.equal(image[:, void].unique(dim=1)[:, 0], torch.tensor(box_augmentation.MEAN).byte())
            return
    raise AssertionError("no image was expanded")


def test_a_flip_is_its_own_inverse(scene):
    once = apply(flip(1.0), *scene, generator(0))
    assert once[1]["boxes"][0].tolist() == [30, 10, 60, 30]
    image, target = apply(flip(1.0), *once, generator(0))
    assert torch.equal(image, scene[0])
    assert torch.equal(target["boxes"], scene[1]["boxes"])
    assert torch.equal(target["mask"], scene[1]["mask"])


def test_colour_distortion_leaves_places_alone_and_changes_colours(scene):
    distort = ssd_augmentation().transforms[0]
    image, target = apply(distort, *scene, generator(1))
    assert torch.equal(target["boxes"], BOXES)
    assert torch.equal(target["mask"], scene[1]["mask"])
    assert not torch.equal(image, scene[0])


def test_resizing_scales_boxes_and_keeps_mask_indices(scene):
    image, target = apply(resized(40), *scene, generator(0))
    assert image.shape == (3, 40, 40)
    torch.testing.assert_close(target["boxes"][0], torch.tensor([10.0, 10 * 40 / 60, 25.0, 20.0]))
    assert set(target["mask"].unique().tolist()) == {0, 1, 2}


def test_the_generator_decides_and_the_global_one_is_left_alone(scene):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (apply(ssd_augmentation(), *scene, generator(seed))[0] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert first.shape != other.shape or not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_image_without_objects_stays_without(scene):
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    for seed in range(10):
        image, moved = apply(ssd_augmentation(), scene[0], empty, generator(seed))
        assert moved["boxes"].shape == (0, 4)
        assert type(image) is torch.Tensor
