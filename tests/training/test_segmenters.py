"""Segmentation networks are trained on images with masks and measured by the paper's four measures."""

import numpy as np
import pytest
import torch
from torch import nn

from cnncourse.data import scenes
from cnncourse.training import segmenters
from cnncourse.training.annotated import open_scenes
from cnncourse.training.detectors import SCENES
from cnncourse.training.loop import Recipe, train


@pytest.fixture(scope="module")
def few():
    return segmenters.MaskedImages(open_scenes(None, "train", SCENES, 8, masks=True), flip=True)


class Says(nn.Module):
    """The given masks one after the other, whatever the image."""

    def __init__(self, masks):
        super().__init__()
        self.weight, self.masks = nn.Parameter(torch.zeros(1)), iter(masks)

    def forward(self, images):
        classes = segmenters.BACKGROUND_TOO
        return nn.functional.one_hot(next(self.masks), classes).movedim(-1, 0)[None].float()


def test_image_and_mask_are_mirrored_together(few):
    generators = [torch.Generator().manual_seed(seed) for seed in range(20)]
    image, mask = few[0]
    mirrored = 0
    for generator in generators:
        moved, moved_mask = few.augment((image, mask), generator)
        assert torch.equal(moved, image) == torch.equal(moved_mask, mask)
        mirrored += torch.equal(moved_mask, mask.flip(-1))
    assert 4 < mirrored < 16


def test_the_truth_measures_100_and_background_everywhere_measures_its_share(few):
    masks = [few[index][1].long() for index in range(len(few))]
    void = [torch.where(mask == 255, 0, mask) for mask in masks]
    assert set(segmenters.measures(Says(void), few).values()) == {100}
    nothing = segmenters.measures(Says([torch.zeros_like(mask) for mask in masks]), few)
    counted = torch.stack(masks)[torch.stack(masks) != 255]
    assert nothing["pixel_accuracy"] == pytest.approx(100 * (counted == 0).float().mean().item(), abs=0.01)


def test_the_ceiling_falls_with_the_stride_and_is_100_at_every_pixel(few):
    found = [segmenters.ceiling(few, stride)["mean_iu"] for stride in (1, 8, 16, 32)]
    assert found[0] == 100
    assert found == sorted(found, reverse=True)
    assert found[-1] < 80


@pytest.mark.parametrize("only_score", [False, True])
def test_a_network_learns_and_fixed_it_learns_in_its_last_layer_only(few, only_score):
    torch.manual_seed(0)
    model = segmenters.fcn(0, only_score=only_score)
    before = {name: value.clone() for name, value in model.named_parameters()}
    recipe = Recipe(epochs=4, batch_size=4, lr=1e-2, optimizer="adam")
    history = train(model, few, recipe, step=segmenters.segmentation_step)
    assert history[-1]["loss"] < history[0]["loss"]
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert all(name.startswith("score.") for name in changed) == only_score


def test_photographs_of_vocs_layout_go_one_at_a_time(tmp_path):
    scenes.write_voc(tmp_path, "train", 3, SCENES)
    (tmp_path / "ImageSets" / "Segmentation").mkdir(parents=True, exist_ok=True)
    data = segmenters.MaskedImages(open_scenes(tmp_path, "train", SCENES, masks=True))
    assert len(data) == 3
    image, mask = data[1]
    assert np.array_equal(mask.numpy(), scenes.compose("train", 1, SCENES).mask)
    assert image.shape == (3, 96, 96)
