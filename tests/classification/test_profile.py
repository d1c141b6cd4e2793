"""Sizes, parameters, multiply-accumulates and fields of networks (A2, A7-A11): the course's numbers, to the digit.

The numbers come from the layer tables in the papers, torchvision and published ONNX graphs; fields are also held
against where gradients arrive.
"""

import pytest
import torch
from torch import nn

from cnncourse.classification import NETWORKS, alexnet, cifar_resnet, googlenet, resnet, vgg, zfnet
from cnncourse.classification.accounting import conv_multiply_accumulates, receptive_field
from cnncourse.classification.alexnet import PAPER
from cnncourse.classification.convolution import conv_parameters
from cnncourse.classification.layers import Conv, ConvNet
from cnncourse.classification.profile import Field, profile, total


def on_meta(build, *args, **options):
    with torch.device("meta"):
        return build(*args, **options)


def parameters(model) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def convolved(model, input_size=None):
    return [row for row in profile(model, input_size) if isinstance(row.module, nn.Conv2d | nn.Linear)]


def test_field_goes_through_layers_like_receptive_field():
    layers = [(7, 2, 3), (3, 2, 1), (1, 1, 0), (3, 1, 1)]
    field = Field()
    for layer in layers:
        field = field.through(*layer)
    assert tuple(field) == receptive_field(layers)


PARAMETERS = {  # facts, section 1
    (alexnet,): 60_965_224,
    (alexnet, "torchvision"): 61_100_840,
    (zfnet,): 62_357_608,
    (zfnet, (512, 1024, 512)): 107_627_624,
    (vgg, 11): 132_863_336,
    (vgg, 13): 133_047_848,
    (vgg, 16): 138_357_544,
    (vgg, 19): 143_667_240,
    (googlenet,): 6_998_552,
    (googlenet, "torchvision"): 6_624_904,
    (resnet, 18): 11_689_512,
    (resnet, 34): 21_797_672,
    (resnet, 50): 25_557_032,
    (resnet, 101): 44_549_160,
    (resnet, 152): 60_192_808,
    (cifar_resnet, 20): 269_722,
    (cifar_resnet, 32): 464_154,
    (cifar_resnet, 44): 658_586,
    (cifar_resnet, 56): 853_018,
    (cifar_resnet, 110): 1_727_962,
    (cifar_resnet, 1202): 19_421_274,
}
MULTIPLY_ACCUMULATES = {  # facts, section 2
    (alexnet,): 724_406_816,
    (alexnet, "torchvision"): 714_188_480,
    (zfnet,): 1_168_032_896,
    (googlenet,): 1_582_671_872,
}
BILLIONS = {  # to three places, as the facts have them
    (vgg, 11): 7.609,
    (vgg, 13): 11.308,
    (vgg, 16): 15.470,
    (vgg, 19): 19.632,
    (resnet, 18): 1.814,
    (resnet, 34): 3.664,
    (resnet, 50): 3.858,
    (resnet, 101): 7.570,
    (resnet, 152): 11.282,
    (resnet, 50, "torchvision"): 4.089,
    (resnet, 101, "torchvision"): 7.801,
    (resnet, 152, "torchvision"): 11.514,
}


def name(call) -> str:
    return " ".join(getattr(part, "__name__", str(part)) for part in call)


class TestNetworks:
    @pytest.mark.parametrize("call", PARAMETERS, ids=name)
    def test_parameters(self, call):
        model = on_meta(*call)
        assert parameters(model) == PARAMETERS[call]
        if call != (cifar_resnet, 1202):  # it takes seconds and shows nothing new
            assert total(profile(model))[0] == PARAMETERS[call]

    @pytest.mark.parametrize("depth, count", [(16, 138_365_992), (19, 143_678_248)])
    def test_parameters_of_vgg_with_batch_normalisation(self, depth, count):
        assert parameters(on_meta(vgg, depth, batch_norm=True)) == count

    @pytest.mark.parametrize("depth, count", [(18, 11_515_688), (34, 21_623_848)])
    def test_parameters_of_padding_shortcuts_are_those_of_the_plain_nets(self, depth, count):
        assert parameters(on_meta(resnet, depth, shortcut="padding")) == count
        assert parameters(on_meta(resnet, depth, residual=False)) == count

    @pytest.mark.parametrize("variant, aux", [("paper", (3_188_840, 3_190_888)), ("torchvision", None)])
    def test_parameters_of_googlenets_auxiliary_heads(self, variant, aux):
        model = on_meta(googlenet, variant, aux=True)
        assert parameters(model) == {"paper": 13_378_280, "torchvision": 13_004_888}[variant]
        if aux:
            assert (parameters(model.aux1), parameters(model.aux2)) == aux

    def test_alexnet_has_8_7_times_googlenets_parameters(self):
        assert round(60_965_224 / parameters(on_meta(googlenet)), 1) == 8.7

    def test_parameters_of_alexnets_layers(self):
        assert [row.parameters for row in convolved(on_meta(alexnet))] == [
            *(34_944, 307_456, 885_120, 663_936, 442_624),
            *(37_752_832, 16_781_312, 4_097_000),
        ]

    def test_groups_save_alexnet_1_4_million_parameters(self):
        table = [row._replace(groups=1) if isinstance(row, Conv) else row for row in PAPER]
        assert parameters(on_meta(ConvNet, table)) == 62_378_344

    def test_weights_of_googlenets_modules(self):
        """Without biases. The paper's table 1 prints other numbers, which its own columns do not give."""
        model = on_meta(googlenet)
        names = [name for name in model.path if name.startswith("inception")]
        assert [
            sum(p.numel() for p in model.get_submodule(name).parameters() if p.dim() > 1) for name in names
        ] == [*(163_328, 388_096, 375_552, 448_512, 509_440, 604_672, 867_328, 1_042_432, 1_442_816)]

    def test_parameters_of_vgg16s_parts(self):
        model = on_meta(vgg, 16)
        assert parameters(model.features) == 14_714_688
        linear = [row.parameters for row in convolved(model) if isinstance(row.module, nn.Linear)]
        assert linear == [102_764_544, 16_781_312, 4_097_000]

    @pytest.mark.parametrize("call", MULTIPLY_ACCUMULATES, ids=name)
    def test_multiply_accumulates(self, call):
        assert total(profile(on_meta(*call)))[1] == MULTIPLY_ACCUMULATES[call]

    @pytest.mark.parametrize("call", BILLIONS, ids=name)
    def test_billions_of_multiply_accumulates(self, call):
        assert round(total(profile(on_meta(*call)))[1] / 1e9, 3) == BILLIONS[call]

    def test_the_rows_agree_with_the_formulas(self):
        for row in convolved(on_meta(alexnet)):
            if isinstance(conv := row.module, nn.Conv2d):
                shape = (conv.in_channels, conv.out_channels, conv.kernel_size[0])
                assert row.parameters == conv_parameters(*shape, conv.groups)
                cost = conv_multiply_accumulates(*shape, *row.output[1:], conv.groups)
                assert row.multiply_accumulates == cost

    def test_alexnets_neurons(self):
        counts = [torch.Size(row.output).numel() for row in convolved(on_meta(alexnet))]
        assert counts == [290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]
        assert sum(counts) == 659_272

    def test_maps_of_alexnet_and_zfnet(self):
        kinds = nn.Conv2d | nn.MaxPool2d
        assert [row.output[1] for row in profile(on_meta(alexnet)) if isinstance(row.module, kinds)] == [
            *(55, 27, 27, 13, 13, 13, 13, 6)
        ]
        assert [row.output[1] for row in profile(on_meta(zfnet)) if isinstance(row.module, kinds)] == [
            *(110, 55, 26, 13, 13, 13, 13, 6)
        ]

    def test_maps_of_alexnet_from_227_pixels_without_padding(self):
        model = on_meta(alexnet, stem=Conv(96, 11, 4), input_size=227)
        assert [row.output[1] for row in convolved(model)[:5]] == [55, 27, 13, 13, 13]
        assert total(profile(model)) == (60_965_224, 724_406_816)

    def test_maps_of_googlenet(self):
        model, shapes = on_meta(googlenet), []
        for part in [
            model.conv1,
            model.maxpool1,
            model.conv3,
            model.maxpool2,
            *map(model.get_submodule, model.path),
        ]:
            part.register_forward_hook(lambda module, args, output: shapes.append(tuple(output.shape[1:])))
        model(torch.empty(1, 3, 224, 224, device="meta"))
        assert [shape[1] for shape in shapes[:4]] == [112, 56, 56, 28]
        assert shapes[4:6] == [(256, 28, 28), (480, 28, 28)]
        assert shapes[7:12] == [(channels, 14, 14) for channels in (512, 512, 512, 528, 832)]
        assert shapes[13:] == [(832, 7, 7), (1024, 7, 7)]

    def test_fields_are_those_of_table_1_of_fcn(self):
        seen = {
            build.__name__: {row.name: row.field[:2] for row in profile(on_meta(build))}
            for build in (alexnet, vgg, googlenet)
        }
        assert seen["alexnet"]["classifier.0"] == (355, 32)
        assert seen["vgg"]["classifier.0"] == (404, 32)
        assert seen["googlenet"]["avgpool"] == (907, 32)

    def test_fields_of_the_trunks_of_faster_rcnn(self):
        vgg16 = [row.field for row in profile(on_meta(vgg, 16)) if isinstance(row.module, nn.Conv2d)][-1]
        zf = [row.field for row in profile(on_meta(zfnet)) if isinstance(row.module, nn.Conv2d)][-1]
        assert (vgg16[:2], vgg16.through(3)[0]) == ((196, 16), 228)
        assert (zf[:2], zf.through(3)[0]) == ((139, 16), 171)

    def test_field_of_vgg19(self):
        rows = {row.name: row.field[:2] for row in profile(on_meta(vgg, 19))}
        assert rows["classifier.0"] == (460, 32)

    @pytest.mark.parametrize(
        "call",
        [("alexnet", {}), ("googlenet", {"stem": "small"}), ("cifar_resnet20", {}), ("resnet50", {})],
        ids=str,
    )
    def test_field_of_a_network_is_where_gradients_arrive(self, call):
        model = NETWORKS[call[0]](width=1 / 16, **call[1]).double().eval()
        row = [row for row in profile(model) if len(row.output) == 3 and row.name != "avgpool"][-1]
        position = -(row.field.start // row.field.stride)  # the first whose window lies inside the image
        size = row.field.start + position * row.field.stride + row.field.size + row.field.stride
        first, last = reach(model, row.name, size, position)
        assert first == row.field.start + position * row.field.stride
        assert last - first + 1 == row.field.size

    def test_blocks_are_listed_with_the_sums_of_their_parts(self):
        model = on_meta(googlenet, width=0.25)
        layers, rows = profile(model), {row.name: row for row in profile(model, blocks=True)}
        inside = [row for row in layers if row.name.startswith("inception4a.")]
        block = rows["inception4a"]
        assert (block.parameters, block.multiply_accumulates) == total(inside)
        assert block.output == (128, 14, 14)
        # What the branches see together: the 5x5 more than all others.
        assert block.field.size == rows["inception4a.branch3.1.conv"].field.size
        assert block.field.size == rows["maxpool3"].field.size + 4 * rows["maxpool3"].field.stride
        assert (rows[""].parameters, rows[""].multiply_accumulates) == total(layers)

    def test_profile_leaves_the_network_as_it_was(self):
        model = googlenet("torchvision", width=1 / 16, aux=True).train()
        model.inception3a.eval()  # frozen, say
        before = {key: value.clone() for key, value in model.state_dict().items()}
        modes = [module.training for module in model.modules()]
        rows = profile(model)
        assert [module.training for module in model.modules()] == modes
        assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
        assert not any(module._forward_hooks for module in model.modules())
        assert not any(row.name.startswith("aux") for row in rows)


def reach(model: nn.Module, layer: str, size: int, position: int) -> tuple[int, int]:
    """First and last pixel column that one position of a layer's output depends on, found by the gradient.

    Weights are positive and poolings average, so that no path is cut and nothing cancels.
    """
    for module in list(model.modules()):
        for key, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(
                    module, key, nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode)
                )
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 1 / max(parameter[0].numel(), 1))
    maps = []
    model.get_submodule(layer).register_forward_hook(lambda module, args, output: maps.append(output))
    x = torch.ones(1, 3, size, size, dtype=torch.float64, requires_grad=True)
    getattr(model, "features", model)(x)
    maps[-1][0, :, position, position].sum().backward()
    columns = x.grad[0].abs().sum((0, 1)).nonzero().squeeze()
    return columns[0].item(), columns[-1].item()
