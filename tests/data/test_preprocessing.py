"""AlexNet's preprocessing (A3), held against torchvision's transforms."""

import numpy as np
import pytest
import torch
from torchvision.models import ResNet50_Weights
from torchvision.transforms.v2 import functional as T

from cnncourse.data.preprocessing import (
    center_crop,
    mean_image,
    normalize,
    published_input,
    resize_shorter_side,
    to_floats,
)


def images(*shape) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def test_readers_images_become_networks_images():
    bytes_ = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
    floats = to_floats(bytes_)
    assert floats.dtype == torch.float32 and floats.shape == (2, 3, 5, 4)
    assert floats[1, 2, 3, 0].item() == np.float32(bytes_[1, 3, 0, 2]) / np.float32(255)


@pytest.mark.parametrize("height, width", [(40, 60), (61, 40), (10, 13), (32, 32)])
def test_resize_is_torchvisions(height, width):
    x = images(2, 3, height, width)
    ours = resize_shorter_side(x, 32)
    assert min(ours.shape[-2:]) == 32
    torch.testing.assert_close(ours, T.resize(x, [32], antialias=True))


def test_a_fine_chequerboard_turns_grey_when_it_shrinks():
    board = (torch.arange(64)[:, None] + torch.arange(64)) % 2
    small = resize_shorter_side(board.float().expand(1, 3, 64, 64), 16)
    assert (small - 0.5).abs().max() < 0.05


@pytest.mark.parametrize("height, width", [(32, 32), (35, 40), (33, 34), (39, 32)])
def test_center_crop_is_torchvisions(height, width):
    x = images(2, 3, height, width)
    assert torch.equal(center_crop(x, 32), T.center_crop(x, [32]))


def test_too_small_an_image_is_refused():
    with pytest.raises(ValueError, match=r"20 x 40 have no crop of 32 x 32"):
        center_crop(images(1, 3, 20, 40), 32)


def test_mean_image_is_a_mean_for_each_pixel():
    x = images(5, 3, 4, 6)
    mean = mean_image(x)
    assert mean.shape == (3, 4, 6)
    assert mean[2, 3, 4].item() == pytest.approx(np.mean([x[i, 2, 3, 4] for i in range(5)]))
    assert (x - mean).mean(0).abs().max() < 1e-6


def test_the_mean_of_a_million_images_is_that_of_float64():
    x = images(1_000_000, 3, 1, 1)
    torch.testing.assert_close(mean_image(x).double(), x.double().mean(0), rtol=1e-6, atol=0)


def test_normalize_is_torchvisions():
    x = images(2, 3, 5, 5)
    torch.testing.assert_close(normalize(x), T.normalize(x, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))


def test_published_input_is_what_torchvisions_weights_expect():
    picture = np.random.default_rng(0).integers(0, 256, (1, 300, 400, 3), dtype=np.uint8)
    expected = ResNet50_Weights.IMAGENET1K_V1.transforms()(torch.from_numpy(picture).permute(0, 3, 1, 2))
    ours = published_input(picture)
    assert ours.shape == expected.shape == (1, 3, 224, 224)
    # torchvision resizes bytes and rounds to bytes in between: half a step, divided by the deviation.
    assert (ours - expected).abs().max() < 1.01 / 255 / 0.224


def test_images_on_a_device_stay_there_and_become_the_same(device):
    x = images(2, 3, 20, 30)
    for step in (lambda x: resize_shorter_side(x, 16), lambda x: center_crop(x, 7), mean_image, normalize):
        there = step(x.to(device))
        assert there.device.type == device.type
        torch.testing.assert_close(there.cpu(), step(x))
