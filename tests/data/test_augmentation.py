"""AlexNet's augmentation and ten crops (A4). What is random is tested by its distribution."""

from collections import Counter

import pytest
import torch
from sklearn.decomposition import PCA
from torchvision.transforms.v2 import functional as T

from cnncourse.data.augmentation import (
    average_probabilities,
    predict_ten_crops,
    principal_colours,
    random_colour,
    random_crop,
    random_reflection,
    shift_colours,
    ten_crops,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(*shape, seed=0) -> torch.Tensor:
    return torch.rand(*shape, generator=seeded(seed))


def numbered(count: int, height: int, width: int) -> torch.Tensor:
    """Images whose pixels say where they are."""
    return torch.arange(height * width).reshape(1, 1, height, width).expand(count, 3, -1, -1)


def test_random_crops_are_pieces_of_the_image_and_every_place_is_equally_likely():
    x = numbered(6000, 5, 6)
    crops = random_crop(x, 4, seeded())
    assert crops.shape == (6000, 3, 4, 4) and crops.dtype == x.dtype
    corners = crops[:, 0, 0, 0]
    for crop, corner in zip(crops[:20], corners[:20].tolist(), strict=True):
        top, left = divmod(corner, 6)
        assert torch.equal(crop, x[0, :, top : top + 4, left : left + 4])
    counts = Counter(corners.tolist())
    assert set(counts) == {0, 1, 2, 6, 7, 8}
    assert all(abs(count - 1000) < 150 for count in counts.values())  # 5 standard deviations


def test_random_crop_pads_with_zeros():
    crops = random_crop(torch.ones(2000, 3, 4, 4), 4, seeded(), padding=1)
    assert crops.shape == (2000, 3, 4, 4)
    sums = Counter(crops.sum((1, 2, 3)).tolist())
    # 9 places: one without padding, four with a row or column of it, four with both.
    assert sorted(sums) == [27, 36, 48]
    assert abs(sums[48] - 2000 / 9) < 75


def test_the_same_generator_gives_the_same():
    x = images(8, 3, 6, 6)
    for augment in (lambda g: random_crop(x, 4, g), lambda g: random_reflection(x, g)):
        assert torch.equal(augment(seeded(1)), augment(seeded(1)))
        assert not torch.equal(augment(seeded(1)), augment(seeded(2)))


def test_too_small_an_image_is_refused():
    with pytest.raises(ValueError, match="no crop of 7 x 7"):
        random_crop(images(1, 3, 6, 6), 7, seeded())


def test_half_of_the_images_are_mirrored_left_to_right():
    x = images(2000, 3, 2, 5)
    out = random_reflection(x, seeded())
    same = (out == x).all((1, 2, 3))
    mirrored = (out == T.horizontal_flip(x)).all((1, 2, 3))
    assert (same ^ mirrored).all()
    assert abs(mirrored.sum() - 1000) < 115


def test_principal_colours_are_scikit_learns():
    mix = torch.tensor([[1.0, 0.8, 0.7], [0.1, 0.5, -0.4], [0.05, -0.1, 0.2]])
    x = torch.einsum("nchw,cd->ndhw", images(10, 3, 8, 8).double() - 0.5, mix.double()) + 0.5
    values, directions = principal_colours(x)
    pca = PCA(3).fit(x.permute(0, 2, 3, 1).reshape(-1, 3).numpy())
    pixels = 10 * 8 * 8
    # scikit-learn divides by N - 1
    expected = torch.from_numpy(pca.explained_variance_) * (pixels - 1) / pixels
    torch.testing.assert_close(values, expected)
    overlaps = directions.T @ torch.from_numpy(pca.components_).T
    torch.testing.assert_close(overlaps.abs(), torch.eye(3, dtype=torch.float64), atol=1e-8, rtol=0)


def test_the_colours_of_a_million_pixels_are_those_of_float64():
    x = 0.9 + 0.01 * images(1000, 3, 32, 32)
    for got, expected in zip(principal_colours(x), principal_colours(x.double()), strict=True):
        assert got.dtype == torch.float32
        torch.testing.assert_close(got, expected.float(), rtol=1e-6, atol=1e-7)


def test_one_colour_is_added_to_the_whole_image():
    x = images(2, 3, 4, 5)
    values, directions = torch.tensor([0.3, 0.2, 0.1]), torch.linalg.qr(images(3, 3))[0]
    alphas = torch.tensor([[1.0, 0.0, 0.0], [0.5, -2.0, 3.0]])
    shift = shift_colours(x, values, directions, alphas) - x
    for image, alpha in zip(shift, alphas, strict=True):
        expected = sum(alpha[i] * values[i] * directions[:, i] for i in range(3))
        torch.testing.assert_close(image, expected[:, None, None].expand(3, 4, 5))


def test_random_colours_have_the_papers_distribution_one_an_image():
    values, directions = torch.tensor([0.3, 0.2, 0.1]), torch.linalg.qr(images(3, 3))[0]
    x = torch.zeros(4000, 3, 2, 2)
    shift = random_colour(x, values, directions, seeded())
    assert (shift == shift[:, :, :1, :1]).all()
    along = shift[:, :, 0, 0] @ directions
    torch.testing.assert_close(along.std(0), 0.1 * values, rtol=0.06, atol=0)
    assert (along.mean(0).abs() < 0.1 * values * 5 / 4000**0.5).all()


def test_ten_crops_are_torchvisions_five_and_their_mirror_images():
    x = images(2, 3, 7, 10)
    for one, image in zip(ten_crops(x, 5), x, strict=True):
        five = T.five_crop(image, [5])
        assert torch.equal(one, torch.stack([*five, *(T.horizontal_flip(crop) for crop in five)]))


def test_ten_crops_are_those_of_torchvision_in_another_order():
    x = images(2, 3, 7, 9)
    for one, image in zip(ten_crops(x, 5), x, strict=True):
        # Their second five are of the mirrored image: top left is mirrored top right.
        theirs = T.ten_crop(image, [5])
        assert torch.equal(one, torch.stack([theirs[i] for i in (0, 1, 2, 3, 4, 6, 5, 8, 7, 9)]))


def test_probabilities_are_averaged_not_logits():
    # Nine crops are a little sure of class 0, one is very sure of class 1.
    logits = torch.tensor([[1.0, 0.0]] * 9 + [[0.0, 60.0]])[None]
    averaged = average_probabilities(logits)
    expected = sum(torch.softmax(crop, 0) for crop in logits[0]) / 10
    torch.testing.assert_close(averaged[0], expected)
    assert averaged.argmax() == 0 and logits.mean(1).argmax() == 1


def test_ten_crop_prediction_keeps_images_apart():
    weight = images(5 * 5 * 3, 4, seed=1) - 0.5

    def model(batch):
        assert batch.shape == (20, 3, 5, 5)
        return 3 * batch.flatten(1) @ weight

    x = images(2, 3, 9, 9)
    together = predict_ten_crops(model, x, 5)
    for image, row in zip(x, together, strict=True):
        crops = torch.stack(T.ten_crop(image, [5]))
        torch.testing.assert_close(row, (3 * crops.flatten(1) @ weight).softmax(1).mean(0))


def test_images_on_a_device_stay_there_and_become_the_same(device):
    x = images(4, 3, 8, 8)
    values, directions = principal_colours(x)
    for augment in (
        lambda x: random_crop(x, 6, seeded(), padding=1),
        lambda x: random_reflection(x, seeded()),
        lambda x: random_colour(x, values, directions, seeded()),
        lambda x: ten_crops(x, 5),
        lambda x: average_probabilities(x.flatten(2)),
        lambda x: principal_colours(x)[0],
    ):
        there = augment(x.to(device))
        assert there.device.type == device.type
        torch.testing.assert_close(there.cpu(), augment(x), rtol=1e-4, atol=1e-5)
