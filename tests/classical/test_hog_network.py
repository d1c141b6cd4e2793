"""HOG as convolution layers (G9): equal to ours and to scikit-image's; local and block normalisation compared."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import feature

from cnncourse.classical.hog import block_descriptors, cell_histograms, hog, image_gradients, normalize
from cnncourse.classical.hog_network import HOGNetwork, normalize_over_channels, stack_blocks

quick = settings(max_examples=25, deadline=None, derandomize=True, database=None)


def as_map(descriptors):
    """[B, R, C, block, block, orientations] to the network's [B, channels, R, C]."""
    return descriptors.flatten(-3).movedim(-1, 1)


@quick
@given(
    st.tuples(st.integers(16, 40), st.integers(16, 40)),
    st.sampled_from([3, 4, 8]),
    st.integers(1, 2),
    st.booleans(),
    st.sampled_from([2, 256]),
    st.integers(0, 9999),
)
def test_g9_the_network_is_hog(size, cell, block, signed, levels, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(levels, (2, *size), generator=generator).double() / (levels - 1)
    expected = as_map(hog(images, 18 if signed else 9, cell, block, signed=signed))
    network = HOGNetwork(9, cell, block, signed)
    assert torch.allclose(network.double()(images[:, None]), expected, atol=1e-6, rtol=0)
    assert torch.allclose(network.float()(images[:, None].float()), expected.float(), atol=2e-5, rtol=0)


def test_g9_folded_to_9_orientations_it_is_scikit_images_hog():
    image = np.random.default_rng(0).random((128, 64))
    got = HOGNetwork().double()(torch.from_numpy(image)[None, None])
    assert got.shape == (1, 36, 15, 7)
    expected = feature.hog(image, 9, (8, 8), (2, 2), "L2-Hys")
    np.testing.assert_allclose(got[0].movedim(0, -1).flatten().numpy(), expected, atol=1e-6)


def test_g9_block_normalisation_is_local_response_normalisation_over_the_cells_of_a_block():
    cells = torch.rand(1, 9, 5, 4, dtype=torch.float64)
    stacked = F.conv2d(cells, stack_blocks(9, 2))
    expected = as_map(block_descriptors(cells.movedim(1, -1), 2, "L2"))
    assert torch.allclose(normalize_over_channels(stacked), expected, atol=1e-12)
    # Of one cell by itself: the two agree only for blocks of a single cell.
    alone = as_map(block_descriptors(cells.movedim(1, -1), 1, "L2"))
    assert torch.allclose(normalize_over_channels(cells), alone, atol=1e-12)
    assert not torch.allclose(expected[:, :9], alone[..., :-1, :-1], atol=0.1)


def test_g9_local_response_normalisation_does_not_see_the_cells_around():
    cells = torch.rand(1, 9, 2, 2, dtype=torch.float64) + 0.1
    loud = cells.clone()
    loud[..., 1, 1] *= 100  # a strong edge in the neighbouring cell
    local = normalize_over_channels(cells)[..., 0, 0], normalize_over_channels(loud)[..., 0, 0]
    assert torch.equal(*local)
    blocks = [block_descriptors(x.movedim(1, -1), 2, "L2")[0, 0, 0, 0, 0] for x in (cells, loud)]
    assert (blocks[1] < blocks[0] / 10).all()  # HOG turns the weak cell down


def test_g9_alexnets_normalisation_depends_on_contrast_and_on_the_order_of_orientations():
    image = torch.rand(8, 8, dtype=torch.float64)
    once, twice = (cell_histograms(*image_gradients(x)).view(1, 9, 1, 1) for x in (image, 2 * image))
    assert torch.allclose(normalize_over_channels(once), normalize_over_channels(twice), atol=1e-6)
    alexnets = [F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=2) for x in (once, twice)]
    assert torch.allclose(alexnets[1], 2 * alexnets[0], rtol=1e-3)
    # Orientations 0 and 8 are neighbours on the circle, and none of each other's for a window of 5 channels.
    peaked = torch.eye(9, dtype=torch.float64)[0].view(1, 9, 1, 1) + torch.eye(9).double()[8].view(1, 9, 1, 1)
    narrow = F.local_response_norm(peaked, 5, alpha=5, beta=0.5, k=1e-10)
    assert torch.allclose(narrow[0, [0, 8], 0, 0], torch.ones(2, dtype=torch.float64))
    assert torch.allclose(normalize(peaked.flatten(), "L2")[[0, 8]], torch.full((2,), 0.5**0.5).double())


def test_nothing_is_learnt_and_gradients_reach_the_image():
    network = HOGNetwork(cell=4)
    assert not list(network.parameters()) and sum(buffer.numel() for buffer in network.buffers()) > 0
    image = torch.rand(1, 1, 16, 16)
    image[..., :6] = 0.5  # a flat part
    image.requires_grad_()
    network(image).square().sum().backward()
    assert image.grad.isfinite().all() and image.grad.abs().sum() > 0


def test_the_network_runs_on_its_inputs_device(device):
    images = torch.rand(2, 1, 16, 24, generator=torch.Generator().manual_seed(0))
    got = HOGNetwork().to(device)(images.to(device))
    assert got.device.type == device.type
    assert torch.allclose(got.cpu(), as_map(hog(images[:, 0])), atol=1e-5)


def test_images_without_a_block_or_with_colours_are_told():
    with pytest.raises(ValueError, match="hold no block: 16 x 16"):
        HOGNetwork()(torch.rand(1, 1, 15, 40))
    with pytest.raises(ValueError, match=r"grey images .* \[1, 3, 20, 20\]"):
        HOGNetwork()(torch.rand(1, 3, 20, 20))
