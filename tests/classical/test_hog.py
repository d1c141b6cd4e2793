"""Histograms of oriented gradients against scikit-image's (G7)."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import feature

from cnncourse.classical.hog import (
    cell_histograms,
    hog,
    image_gradients,
    normalize,
    orientation_bins,
    strongest_channel,
)

quick = settings(max_examples=25, deadline=None, derandomize=True, database=None)


def scikit_images(image, orientations=9, cell=8, block=2, norm="L2-Hys", color=False):
    axis = -1 if color else None
    return feature.hog(
        image, orientations, (cell, cell), (block, block), norm, feature_vector=False, channel_axis=axis
    )


@quick
@given(
    st.tuples(st.integers(16, 33), st.integers(16, 33)),
    st.sampled_from([4, 8, 9, 12]),
    st.sampled_from([2, 4, 5, 8]),
    st.integers(1, 2),
    st.sampled_from(["L1", "L1-sqrt", "L2", "L2-Hys"]),
    st.sampled_from([2, 8, 256]),
    st.integers(0, 9999),
)
def test_g7_hog_is_scikit_images(size, orientations, cell, block, norm, levels, seed):
    """Few grey levels give gradients exactly on the edge between two bins, and flat places."""
    image = np.random.default_rng(seed).integers(levels, size=size).astype(float)
    expected = scikit_images(image, orientations, cell, block, norm)
    got = hog(torch.from_numpy(image), orientations, cell, block, norm)
    assert got.shape == expected.shape and got.dtype == torch.float64
    np.testing.assert_allclose(got.numpy(), expected, atol=2e-6)  # theirs sums in float32
    single = hog(torch.from_numpy(image).float(), orientations, cell, block, norm)
    np.testing.assert_allclose(single.numpy(), expected, atol=2e-5)


def test_g7_a_pedestrian_window_gives_3780_numbers():
    image = np.random.default_rng(0).random((128, 64))
    got = hog(torch.from_numpy(image))
    assert got.shape == (15, 7, 2, 2, 9) and got.numel() == 3780
    expected = feature.hog(image, 9, (8, 8), (2, 2), "L2-Hys")
    np.testing.assert_allclose(got.flatten().numpy(), expected, atol=1e-6)


def test_of_a_colour_image_the_strongest_channel_counts():
    image = np.random.default_rng(0).random((40, 33, 3))
    got = hog(torch.from_numpy(image).movedim(-1, 0), color=True)
    np.testing.assert_allclose(got.numpy(), scikit_images(image, color=True), atol=1e-6)
    x, y = torch.tensor([3.0, 0.0, -4.0]).view(3, 1, 1), torch.tensor([0.0, 4.0, 0.0]).view(3, 1, 1)
    assert [float(part) for part in strongest_channel(x, y)] == [0, 4]  # of equals the first


def test_bytes_do_not_wrap_around_and_batches_are_images():
    images = torch.randint(256, (2, 3, 24, 24), dtype=torch.uint8)
    got = hog(images)
    assert got.dtype == torch.float32
    for image, expected in zip(images.flatten(0, 1), got.flatten(0, 1), strict=True):
        np.testing.assert_allclose(expected, scikit_images(image.numpy()), atol=2e-5)
    transposed = images.float().mT
    assert torch.equal(hog(transposed), hog(transposed.contiguous()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("k", range(18))
def test_signed_orientations_tell_a_direction_from_its_opposite(k, dtype):
    angle = math.radians(20 * k + 7)
    x, y = torch.tensor(math.cos(angle), dtype=dtype), torch.tensor(math.sin(angle), dtype=dtype)
    assert orientation_bins(x, y, 18, signed=True) == k
    assert orientation_bins(x, y, 9, signed=False) == k % 9


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_directions_along_an_axis_lie_in_the_bin_that_begins_there(dtype):
    x, y = torch.tensor([[1, 1, 0, -1, -1, 0], [-0.0, 0, 1, 0, -0.0, -1]], dtype=dtype)
    assert orientation_bins(x, y, 4, signed=True).tolist() == [0, 0, 1, 2, 2, 3]
    assert orientation_bins(x, y, 2, signed=False).tolist() == [0, 0, 1, 0, 0, 1]
    just_below = torch.tensor(-1e-30, dtype=dtype)  # 360 degrees after rounding
    assert orientation_bins(torch.ones((), dtype=dtype), just_below, 18, signed=True) in (0, 17)


def test_a_ramp_from_dark_to_light_and_its_negative_are_opposite_signed_and_equal_unsigned():
    ramp = torch.arange(16.0).expand(16, 16)
    for image, bin_ in ((ramp, 0), (-ramp, 9), (ramp.T, 4), (-ramp.T, 13)):
        signed = cell_histograms(*image_gradients(image), 18, 16, signed=True)[0, 0]
        assert signed[bin_] == 2 * 14 / 16 == signed.sum()  # no gradient across the first and last column
        unsigned = cell_histograms(*image_gradients(image), 9, 16)[0, 0]
        assert torch.equal(unsigned, signed[:9] + signed[9:])


def test_gradients_reach_the_image_and_stay_finite_where_it_is_flat():
    image = torch.zeros(16, 16, dtype=torch.float64)
    image[4:10, 3:9] = torch.rand(6, 6, dtype=torch.float64)
    image.requires_grad_()
    hog(image).sum().backward()
    assert image.grad.isfinite().all() and image.grad.abs().sum() > 0
    dense = torch.rand(16, 16, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: hog(x, norm="L2"), dense)


def test_hog_follows_its_inputs_device(device):
    image = torch.rand(2, 3, 24, 17, generator=torch.Generator().manual_seed(0))
    got = hog(image.to(device), color=True)
    assert got.device.type == device.type
    assert torch.allclose(got.cpu(), hog(image, color=True), atol=1e-6)


def test_bad_inputs_are_told():
    with pytest.raises(ValueError, match="15 x 40 holds no block: 16 x 16"):
        hog(torch.rand(15, 40))
    with pytest.raises(ValueError, match="NaN"):
        hog(torch.full((16, 16), math.nan))
    for normalizing in (
        lambda norm: hog(torch.rand(16, 16), norm=norm),
        lambda n: normalize(torch.rand(4), n),
    ):
        with pytest.raises(
            ValueError, match=r"norm must be one of 'L1', 'L1-sqrt', 'L2', 'L2-Hys', not 'l2'"
        ):
            normalizing("l2")
    with pytest.raises(ValueError, match="cell=0"):
        hog(torch.rand(16, 16), cell=0)
