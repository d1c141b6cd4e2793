"""Networks with unpooling and U-shaped networks, against the same networks written out (S10)."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from cnncourse.segmentation.encoder_decoder import UNet, UnpoolingNet, center_crop
from cnncourse.segmentation.upsampling import max_pool_with_positions, max_unpool


def image(*size, seed=0):
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("size", [(8, 8), (9, 14)])
def test_s10_unpooling_net_is_the_net_written_out_with_our_unpooling(size):
    torch.manual_seed(0)
    model = UnpoolingNet(((4, 1), (6, 2)), 5).double().eval()
    x = image(*size)
    down1 = model.encoder[0](x)
    pooled1, positions1 = max_pool_with_positions(down1, 2)
    down2 = model.encoder[1](pooled1)
    pooled2, positions2 = max_pool_with_positions(down2, 2)
    up2 = model.decoder[0](max_unpool(pooled2, positions2, down2.shape[-2:]))
    up1 = model.decoder[1](max_unpool(up2, positions1, down1.shape[-2:]))
    assert_close(model(x), model.score(up1))
    assert model(x).shape == (2, 5, *size)
    assert [m.shape[1] for m in (down1, down2, up2, up1)] == [4, 6, 4, 4]


def test_s10_unpooling_net_at_paper_size_has_vgg_16s_convolutions_twice():
    with torch.device("meta"):
        model = UnpoolingNet(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 21)
        assert model(torch.zeros(1, 3, 360, 480)).shape == (1, 21, 360, 480)
    convolutions = [
        sum(isinstance(m, torch.nn.Conv2d) for m in part.modules()) for part in (model.encoder, model.decoder)
    ]
    assert convolutions == [13, 13]
    weights = [
        [m.weight.shape[:2] for m in part.modules() if isinstance(m, torch.nn.Conv2d)]
        for part in (model.encoder, model.decoder)
    ]
    mirrored = [(a, b) for b, a in weights[0][::-1]]
    assert [tuple(w) for w in weights[1]][:-1] == mirrored[:-1]


def written_out_unet(model, x, padding):
    def double(block, x):
        for conv in (block[0], block[2]):
            x = F.conv2d(x, conv.weight, conv.bias, padding=padding).relu()
        return x

    one = double(model.down[0], x)
    two = double(model.down[1], F.max_pool2d(one, 2))
    three = double(model.down[2], F.max_pool2d(two, 2))
    for k, skip in enumerate((two, one)):
        enlarge = model.enlarge[k]
        three = F.conv_transpose2d(three, enlarge.weight, enlarge.bias, stride=2)
        margin = [(a - b) // 2 for a, b in zip(skip.shape[-2:], three.shape[-2:], strict=True)]
        skip = skip[..., margin[0] : margin[0] + three.shape[-2], margin[1] : margin[1] + three.shape[-1]]
        three = double(model.up[k], torch.cat((skip, three), 1))
    return F.conv2d(three, model.score.weight, model.score.bias)


@pytest.mark.parametrize(("padding", "size"), [(0, (44, 48)), (1, (8, 20))])
def test_s10_unet_is_the_net_written_out(padding, size):
    torch.manual_seed(0)
    model = UNet(3, (4, 6, 8), padding=padding).double()
    x = image(*size)
    scores = model(x)
    assert_close(scores, written_out_unet(model, x, padding))
    assert scores.shape[-2:] == tuple(model.out_size(s) for s in size)
    scores.square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


def test_s10_unet_of_the_paper_turns_572_into_388():
    with torch.device("meta"):
        model = UNet(2, in_channels=1)
        assert model(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    convolutions = sum(isinstance(m, torch.nn.Conv2d | torch.nn.ConvTranspose2d) for m in model.modules())
    assert convolutions == 23  # "In total the network has 23 convolutional layers"


def test_sides_that_do_not_go_through_are_named():
    with pytest.raises(ValueError, match="570 gives"):
        UNet(2).out_size(570)
    with pytest.raises(ValueError, match="too small"):
        UNet(2, (4, 6, 8)).out_size(20)
    with pytest.raises(ValueError, match="cannot be halved"):
        UNet(2, (4, 6, 8), padding=1)(image(10, 8).float())
    with pytest.raises(ValueError, match="at least 4 pixels"):
        UnpoolingNet(((4, 1), (6, 2)), 5)(image(3, 9).float())
    assert UNet(2, (4, 6, 8), padding=1).out_size(16) == 16


def test_center_crop_takes_the_middle():
    x = torch.arange(5.0).expand(1, 1, 5, 5)
    assert center_crop(x, (1, 3)).tolist() == [[[[1, 2, 3]]]]
