"""Graded tests of lab 03 (A8, A9). A docstring is what the student reads when its test fails: what should hold.

Modules get the reference's weights; then outputs and gradients are compared, and constructed weights show single
mistakes by themselves. Tests of `Inception` without batch normalisation leave mistakes of `ConvUnit` about it alone.
"""

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.grading import array, assert_close, assert_equal, exercise, handle, hint, number

COUNT = number(int)


def random(*shape, seed=0):
    """Floats from -1 to 1, the same every time."""
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 1


def filled(module, seed=0):
    """The reference's module with random weights; variances are around 1, normalised channels not all alike."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) * 2 - 1)
            value += 1.5 if name.endswith(("running_var", "bn.weight")) else 0
    return module


def constant(module, weight=0.0, bias=0.0):
    """The module with all weights and all biases alike."""
    for name, value in module.state_dict().items():
        value.fill_(bias if name.endswith("bias") else weight)
    return module


def move(submitted, device):
    """A submitted module on the device. Every call is shown to the student, so none is made without need."""
    if device != "cpu":
        torch.nn.Linear(1, 1).to(device)  # what torch imports the first time takes longer than a call may
        submitted.call("to", device)
    return submitted


def give(submitted, module, device):
    """Puts the reference's weights into a submitted module, there and on the device."""
    submitted.load_state_dict(dict(module.state_dict()))
    if not module.training:
        submitted.call("eval")
    return move(submitted, device)


def answer(submitted, x, channels, device):
    """What a submitted module gives: a float32 map as large as ``x``."""
    spec = array("torch", ("float32",), (len(x), channels, *x.shape[2:]), device=device)
    return submitted.call(None, x.to(device), returns=spec)


def assert_same_gradients(submitted, module, x, device):
    """The backward passes of both, for random cotangents: for the input and for every weight."""
    x = x.clone().requires_grad_()
    out = module(x)
    cotangent = random(*out.shape, seed=9)
    expected = torch.autograd.grad(out, [x, *module.parameters()], cotangent)
    found = submitted.vjp(None, (x.detach().to(device),), (cotangent.to(device),))
    assert_close(found["args"][0], expected[0], 1e-4, 1e-5, what="the gradient of the input")
    for (name, _), gradient in zip(module.named_parameters(), expected[1:], strict=True):
        assert_close(found["parameters"][name], gradient, 1e-4, 1e-5, what=f"the gradient of {name}")


def assert_same_names(submitted, module):
    """The weights of both have the same names and shapes."""
    found = {name: tuple(value.shape) for name, value in submitted.state_dict().items()}
    assert_equal(found, {name: tuple(value.shape) for name, value in module.state_dict().items()})


# ------------------------------------------------------------------------------------------ costs, and what is seen
@exercise("conv_multiply_accumulates", points=2)
class TestConvMultiplyAccumulates:
    @hint("96 * 55 * 55 values, each of them a sum of 11 * 11 * 3 products.")
    def test_alexnets_first_layer(self, submission):
        "AlexNet's first layer, 96 filters of 11x11x3 at 55x55 positions, takes 105,415,200."
        got = submission.call("conv_multiply_accumulates", 3, 96, 11, 55, 55, returns=COUNT)
        assert_equal(got, 105_415_200)

    @hint(
        "With g groups a filter sees in_channels / g channels; there are out_channels filters all the same."
    )
    def test_groups(self, submission):
        "AlexNet's second layer is cut in two, which halves its cost: 223,948,800, and a whole number."
        got = submission.call("conv_multiply_accumulates", 96, 256, 5, 27, 27, groups=2, returns=COUNT)
        assert_equal(got, 223_948_800)

    @hint("`height` and `width` are those of the output already: nothing has to be subtracted from them.")
    def test_maps_need_not_be_square(self, submission):
        "On an output map of 4 x 7, three 3x3 filters on two channels take 3 * 4 * 7 * 3 * 3 * 2 = 1512."
        got = submission.call("conv_multiply_accumulates", 2, 3, 3, 4, 7, returns=COUNT)
        assert_equal(got, 1512)

    @hint("A multiplication with its addition counts once. Adding the bias counts nothing.")
    def test_a_single_product_counts_one(self, submission):
        "One 1x1 filter on one channel at one position takes 1: neither the addition nor a bias counts by itself."
        got = submission.call("conv_multiply_accumulates", 1, 1, 1, 1, 1, returns=COUNT)
        assert_equal(got, 1)

    @hint("Compare what is left over when each number of channels is divided by groups: `%`.")
    def test_groups_must_divide_the_channels(self, submission):
        "Two groups share neither 3 input nor 3 output channels: that raises ValueError, and 4 and 6 do not."
        for channels in ((3, 4), (4, 3)):
            with submission.raises(ValueError):
                submission.call("conv_multiply_accumulates", *channels, 3, 5, 5, groups=2)
        got = submission.call("conv_multiply_accumulates", 4, 6, 3, 5, 5, groups=2, returns=COUNT)
        assert_equal(got, 2700)

    @given(numbers=st.tuples(*[st.integers(1, 6)] * 6))
    def test_agrees_with_the_definition(self, submission, reference, numbers):
        "For any channels, filters, maps and groups, the products of all values of the map are counted."
        inputs, outputs, kernel, height, width, groups = numbers
        layer = (inputs * groups, outputs * groups, kernel, height, width, groups)
        got = submission.call("conv_multiply_accumulates", *layer, returns=COUNT)
        assert_equal(got, reference.conv_multiply_accumulates(*layer))


CONV3, POOL2, POOL3 = (3, 1, 1), (2, 2, 0), (3, 2, 0)
VGG16 = [CONV3, CONV3, POOL2] * 2 + [CONV3, CONV3, CONV3, POOL2] * 3 + [(7, 1, 0)]
ALEXNET = [(11, 4, 2), POOL3, (5, 1, 2), POOL3, CONV3, CONV3, CONV3, POOL3, (6, 1, 0)]


@exercise("receptive_field", points=4)
class TestReceptiveField:
    def assert_field(self, submission, layers, *expected):
        """Size, stride and, where it is given, start."""
        got = submission.call("receptive_field", layers, returns=(COUNT, COUNT, COUNT))
        for name, one, right in zip(("size", "stride", "start"), got, expected, strict=False):
            assert_equal(one, right, what=f"the {name}")

    @hint(
        "Size: the window has 5 pixels, whatever stride and padding are. Start: padding begins left of pixel 0, so the "
        "start is negative."
    )
    def test_one_layer_sees_its_window(self, submission):
        "One layer of 5x5 at stride 3 with padding 2 sees 5 pixels, moves by 3, and starts at -2: (5, 3, -2)."
        self.assert_field(submission, [(5, 3, 2)], 5, 3, -2)

    @hint(
        "Begin with size 1, stride 1 and start 0, and let each layer change them: no layer changes nothing."
    )
    def test_no_layer_sees_a_pixel(self, submission):
        "Without a layer an output value is a pixel: (1, 1, 0)."
        self.assert_field(submission, [], 1, 1, 0)

    @hint(
        "Size: neighbouring windows overlap, so a kernel of 3 adds 2 positions to what one position sees, not 3. "
        "Start: each padding of 1 begins a pixel farther to the left."
    )
    def test_three_small_filters_see_as_far_as_a_large_one(self, submission):
        "Three layers of 3x3 see (7, 1, -3), the same as one of 7x7."
        self.assert_field(submission, [(3, 1, 1)] * 3, 7, 1, -3)
        self.assert_field(submission, [(7, 1, 3)], 7, 1, -3)

    @hint(
        "Size: how far apart are the positions that a layer's window spans? The strides of the layers *before* it say "
        "so, not its own. Stride: behind both layers it is 2. Start: without padding it stays 0."
    )
    def test_a_stride_matters_to_the_layers_behind_it(self, submission):
        "3x3 at stride 2, then 3x3: the second window spans 3 positions that are 2 pixels apart: size 7, stride 2."
        self.assert_field(submission, [(3, 2, 0), (3, 1, 0)], 7, 2, 0)
        self.assert_field(submission, [(3, 1, 0), (3, 2, 0)], 5, 2, 0)

    @hint(
        "Stride: two steps of two pixels are four pixels. Size: a kernel of 2 adds one position, and that is 1, 2 or 4 "
        "pixels away, whatever the strides before it make. Start: without padding it stays 0."
    )
    def test_strides_multiply(self, submission):
        "Three poolings of 2x2 at stride 2 see 8 pixels and move by 8: (8, 8, 0)."
        self.assert_field(submission, [(2, 2, 0)] * 3, 8, 8, 0)

    @hint(
        "Start: a position of padding is as wide as a position of the map that is padded, here 4 pixels, and lies to "
        "the left. Size: a kernel of 3 adds 2 positions of 4 pixels; padding adds none."
    )
    def test_padding_is_counted_in_positions(self, submission):
        "Padding 1 behind a stride of 4 moves the start by 4 pixels to the left: (12, 4, -4)."
        self.assert_field(submission, [(4, 4, 0), (3, 1, 1)], 12, 4, -4)

    @hint("A kernel of 1 adds kernel - 1 = 0 positions. Its stride is for the layers behind it.")
    def test_a_1x1_sees_no_more(self, submission):
        "A layer of 1x1 sees no more than the one before it, but its stride counts: (3, 2, -1)."
        self.assert_field(submission, [(3, 1, 1), (1, 2, 0)], 3, 2, -1)

    @hint("Work through it by hand as far as the third layer, and compare.")
    def test_alexnet_and_vgg16(self, submission):
        "AlexNet's first fully connected layer sees 355 pixels in steps of 32; that of VGG-16 sees 404."
        self.assert_field(submission, ALEXNET, 355, 32)
        self.assert_field(submission, VGG16, 404, 32)

    @given(
        layers=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 2)), max_size=5),
    )
    def test_agrees_with_the_definition(self, submission, reference, layers):
        "For any stack of layers, size, stride and start are those of the pixels that take part."
        self.assert_field(submission, layers, *reference.receptive_field(layers))


# --------------------------------------------------------------------------------------- three 3x3 against one 7x7
@exercise("stacked_convolutions", points=3)
class TestStackedConvolutions:
    def stack(self, submission, *args):
        return submission.call("stacked_convolutions", *args, returns=handle())

    @hint("Conv2d, ReLU, Conv2d, ReLU, ... in one `nn.Sequential`; every Conv2d has a weight and a bias.")
    def test_names_of_the_weights(self, submission, reference):
        "For 4 channels: three convolutions of 3x3, called 0, 2 and 4, and nothing else; or one of 7x7, called 0."
        assert_same_names(self.stack(submission, 4), reference.stacked_convolutions(4))
        assert_same_names(self.stack(submission, 4, 7, 1), reference.stacked_convolutions(4, 7, 1))

    @hint("Zeros on all sides: with how many does a 3x3 keep the size, with how many a 7x7?")
    def test_height_and_width_are_kept(self, submission, device):
        "With filters of 1, 3, 5 and 7 pixels and for maps that are not square, height and width stay."
        for kernel in (1, 3, 5, 7):
            module = self.stack(submission, 2, kernel, 2)
            answer(move(module, device), random(2, 2, 9, 8), 2, device)

    @hint("Without a ReLU between them, several convolutions are no more than one.")
    def test_relu_between_the_convolutions(self, submission, reference, device):
        "The first of two convolutions turns 5 into -5, the second that into 5 again: the ReLU between makes it 0."
        module = constant(reference.stacked_convolutions(1, 1, 2), weight=-1)
        got = answer(
            give(self.stack(submission, 1, 1, 2), module, device), torch.full((1, 1, 2, 3), 5.0), 1, device
        )
        assert_equal(got, torch.zeros(1, 1, 2, 3))

    @hint("Each convolution has a ReLU behind it, the last one too.")
    def test_relu_behind_the_last_convolution(self, submission, reference, device):
        "A single convolution that turns 5 into -5 gives 0."
        module = constant(reference.stacked_convolutions(1, 1, 1), weight=-1)
        got = answer(
            give(self.stack(submission, 1, 1, 1), module, device), torch.full((1, 1, 2, 3), 5.0), 1, device
        )
        assert_equal(got, torch.zeros(1, 1, 2, 3))

    @hint(
        "ReLU is max(0, x): it neither squeezes nor bends what is positive, nor comes before a convolution."
    )
    def test_positive_values_pass_unchanged(self, submission, reference, device):
        "A convolution that turns -5 into 5 gives 5: what is positive goes through the ReLU as it is."
        module = constant(reference.stacked_convolutions(1, 1, 1), weight=-1)
        got = answer(
            give(self.stack(submission, 1, 1, 1), module, device), torch.full((1, 1, 2, 3), -5.0), 1, device
        )
        assert_close(got, torch.full((1, 1, 2, 3), 5.0))

    @hint("One layer used three times is another network: make a new Conv2d for every layer.")
    def test_every_convolution_has_its_own_weights(self, submission, reference):
        "Three convolutions keep three different sets of weights."
        module, submitted = filled(reference.stacked_convolutions(2)), self.stack(submission, 2)
        submitted.load_state_dict(dict(module.state_dict()))
        kept = submitted.state_dict()
        for name, value in module.state_dict().items():
            assert_equal(kept[name], value, what=name)

    @hint("Padding puts zeros around the map.")
    @given(
        kernel=st.sampled_from([1, 3, 5, 7]),
        layers=st.integers(1, 4),
        size=st.tuples(*[st.integers(2, 6)] * 2),
    )
    def test_agrees_with_the_reference(self, submission, reference, device, kernel, layers, size):
        "With the same weights, the outputs are the same: any number of layers, any odd kernel, any map."
        module = filled(reference.stacked_convolutions(2, kernel, layers), kernel + layers)
        submitted, x = give(self.stack(submission, 2, kernel, layers), module, device), random(2, 2, *size)
        assert_close(answer(submitted, x, 2, device), module(x), 1e-4, 1e-5)

    def test_gradients(self, submission, reference, device):
        "With the same weights, the backward pass gives the same gradients for the input and for every weight."
        module = filled(reference.stacked_convolutions(3), 1)
        submitted = give(self.stack(submission, 3), module, device)
        assert_same_gradients(submitted, module, random(2, 3, 5, 6), device)

    @hint("An even number leaves 0 when it is divided by 2: check that first, and raise ValueError.")
    def test_even_filters_are_refused(self, submission):
        "Filters of 2x2 or 4x4 cannot keep the size: that raises ValueError, and 1x1 and 5x5 do not."
        for kernel in (2, 4):
            with submission.raises(ValueError):
                submission.call("stacked_convolutions", 2, kernel, 1)
        for kernel in (1, 5):
            self.stack(submission, 2, kernel, 1)


# ----------------------------------------------------------------------------------------------------- GoogLeNet
@exercise("ConvUnit", points=2)
class TestConvUnit:
    @hint("`conv` has a bias exactly when there is no batch normalisation; `bn` is then an `nn.Identity()`.")
    def test_names_of_the_weights(self, submission, reference):
        "Plain: conv.weight and conv.bias. Normalised: conv.weight, and what nn.BatchNorm2d calls bn.weight etc."
        for options in ((2, 5, 3, 2, 1), (2, 5, 3, 2, 1, True)):
            assert_same_names(submission.create("ConvUnit", *options), reference.ConvUnit(*options))

    @hint("Have kernel, stride and padding all arrived at the convolution, in this order?")
    @given(kernel=st.integers(1, 4), stride=st.integers(1, 3), padding=st.integers(0, 2))
    def test_agrees_with_the_reference(self, submission, reference, device, kernel, stride, padding):
        "With the same weights, the outputs are the same, for any kernel, stride and padding."
        module, x = filled(reference.ConvUnit(2, 3, kernel, stride, padding)), random(2, 2, 7, 6)
        submitted = give(submission.create("ConvUnit", 2, 3, kernel, stride, padding), module, device)
        expected = module(x)
        spec = array("torch", ("float32",), tuple(expected.shape), device=device)
        got = submitted.call(None, x.to(device), returns=spec)
        assert_close(got, expected, 1e-4, 1e-5)

    @hint("ReLU is max(0, x), and comes last.")
    def test_negative_values_become_zero_and_positive_ones_stay(self, submission, reference, device):
        "From a 1x1 convolution that gives -3 in one channel and 3 in the other come 0 and 3."
        module = constant(reference.ConvUnit(1, 2))
        module.conv.bias.data[:] = torch.tensor([-3.0, 3.0])
        got = answer(
            give(submission.create("ConvUnit", 1, 2), module, device), torch.ones(1, 1, 2, 2), 2, device
        )
        assert_close(got, torch.tensor([0.0, 3.0]).reshape(1, 2, 1, 1).expand(1, 2, 2, 2))

    @hint("First convolve, then normalise, and then the ReLU.")
    def test_relu_comes_behind_the_normalisation(self, submission, reference, device):
        "In evaluation mode, a normalisation that only subtracts 10 leaves nothing positive: zeros come out."
        module = constant(reference.ConvUnit(1, 1, batch_norm=True), weight=1, bias=-10).eval()
        module.bn.running_mean.zero_()
        submitted = give(submission.create("ConvUnit", 1, 1, batch_norm=True), module, device)
        got = answer(submitted, random(1, 1, 3, 3), 1, device)
        assert_equal(got, torch.zeros(1, 1, 3, 3))

    @hint("`nn.BatchNorm2d` does all of it; it needs the number of channels that the convolution gives.")
    def test_normalises_by_the_batch_in_training(self, submission, reference, device):
        "In training mode, outputs and gradients are those of batch normalisation, and it remembers the averages."
        module, x = filled(reference.ConvUnit(2, 3, 3, 1, 1, True)), random(3, 2, 4, 5)
        submitted = give(submission.create("ConvUnit", 2, 3, 3, 1, 1, True), module, device)
        assert_close(answer(submitted, x, 3, device), module(x), 1e-4, 1e-5)
        for name in ("running_mean", "running_var"):
            remembered = submitted.state_dict()[f"bn.{name}"]
            assert_close(remembered, getattr(module.bn, name), 1e-4, 1e-5, what=f"bn.{name}")
        assert_same_gradients(submitted, module, x, device)

    @hint("Look up `eps` in the docstring; nn.BatchNorm2d's own is another.")
    def test_normalises_by_what_it_remembers_in_evaluation(self, submission, reference, device):
        "In evaluation mode it normalises by the averages that it remembers, with eps = 0.001."
        module, x = filled(reference.ConvUnit(2, 3, 3, 1, 1, True)).eval(), random(2, 2, 4, 5)
        module.bn.running_var.fill_(0.002)
        submitted = give(submission.create("ConvUnit", 2, 3, 3, 1, 1, True), module, device)
        assert_close(answer(submitted, x, 3, device), module(x), 1e-4, 1e-4)

    def test_gradients(self, submission, reference, device):
        "With the same weights, the backward pass gives the same gradients for the input and for every weight."
        module = filled(reference.ConvUnit(2, 3, 3, 2, 1), 2)
        submitted = give(submission.create("ConvUnit", 2, 3, 3, 2, 1), module, device)
        assert_same_gradients(submitted, module, random(2, 2, 5, 6), device)


ROW = (3, 2, 5, 4, 7, 6)  # all different, so that no two can be exchanged unseen


@exercise("Inception", points=5)
class TestInception:
    def make(self, submission, module, device, inputs, *args, **options):
        """A submitted module with the weights of ``module``."""
        return give(submission.create("Inception", inputs, *args, **options), module, device)

    @hint("Every branch of two parts is an nn.Sequential, so they are numbers 0 and 1 of it.")
    def test_names_of_the_weights(self, submission, reference):
        "With reduction, the weights are called branch1.conv.weight, branch2.0.conv.weight, branch2.1.conv.weight ..."
        assert_same_names(submission.create("Inception", 4, ROW), reference.Inception(4, ROW))

    @hint("Stack what the branches give along the axis of the channels, branch1 first.")
    def test_order_of_the_branches(self, submission, reference, device):
        "When branch1 gives only ones, branch2 only twos and so on, the channels hold 1, 2, 3, 4 in this order."
        module = constant(reference.Inception(4, ROW))
        parts = (module.branch1, module.branch2[1], module.branch3[1], module.branch4[1])
        for value, part in enumerate(parts, 1):
            part.conv.bias.data[:] = value
        got = answer(self.make(submission, module, device, 4, ROW), random(1, 4, 2, 3), 21, device)
        assert_close(got[0, :, 0, 0], torch.tensor([1.0] * 3 + [2.0] * 5 + [3.0] * 7 + [4.0] * 6))

    @hint("Every convolution is a ConvUnit, the 1x1 before the 3x3 and the 5x5 as well.")
    def test_relu_behind_the_1x1_before_a_larger_filter(self, submission, reference, device):
        "A reduction that gives only negative values hands on zeros: the 3x3 and the 5x5 then add up nothing."
        module = constant(reference.Inception(4, ROW))
        for branch in (module.branch2, module.branch3):
            constant(branch[0], bias=-1)
            constant(branch[1], weight=-1)
        got = answer(self.make(submission, module, device, 4, ROW), random(1, 4, 2, 3), 21, device)
        assert_equal(got, torch.zeros(1, 21, 2, 3))

    @hint("Are there branches whose last convolution is not a ConvUnit?")
    def test_relu_at_the_end_of_every_branch(self, submission, reference, device):
        "When all last convolutions of the four branches give -1, only zeros come out."
        module = constant(reference.Inception(4, ROW), bias=-1)
        got = answer(self.make(submission, module, device, 4, ROW), random(1, 4, 2, 3), 21, device)
        assert_equal(got, torch.zeros(1, 21, 2, 3))

    @hint("Max pooling of 3x3 with stride 1 and padding 1, and only then the 1x1.")
    def test_the_pooling_takes_the_largest_of_3x3(self, submission, reference, device):
        "A single 9 in a corner of a map of zeros becomes a square of 2x2 nines in branch4, and one inside, 3x3."
        row = (1, 1, 1, 1, 1, 1)
        module = constant(reference.Inception(1, row))
        module.branch4[1].conv.weight.data[:] = 1
        x = torch.zeros(1, 1, 7, 6)
        x[0, 0, 0, 0] = x[0, 0, 4, 3] = 9
        expected = torch.zeros(7, 6)
        expected[:2, :2] = expected[3:6, 2:5] = 9
        got = answer(self.make(submission, module, device, 1, row), x, 4, device)
        assert_close(got[0, 3], expected, what="the channel of branch4")

    @hint("Compare your branches one by one with the table: sizes of the filters, channels, padding.")
    @given(
        inputs=st.integers(1, 5),
        row=st.tuples(*[st.integers(1, 4)] * 6),
        size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    )
    def test_with_reduction_agrees_with_the_reference(self, submission, reference, device, inputs, row, size):
        "With reduction and the same weights, the outputs are the same, for any channels and any map."
        module, x = filled(reference.Inception(inputs, row), sum(row)), random(2, inputs, *size)
        submitted = self.make(submission, module, device, inputs, row)
        assert_close(answer(submitted, x, module.out_channels, device), module(x), 1e-4, 1e-5)

    def test_gradients_with_reduction(self, submission, reference, device):
        "With reduction and the same weights, the backward pass gives the same gradients throughout."
        module = filled(reference.Inception(4, ROW), 3)
        submitted = self.make(submission, module, device, 4, ROW)
        assert_same_gradients(submitted, module, random(2, 4, 6, 5), device)

    @hint("`reduction=False`: put nn.Identity() where the 1x1 before or behind was, so that the names stay.")
    def test_naive_module_agrees_with_the_reference(self, submission, reference, device):
        "Naive and with the same weights, outputs and gradients are the same."
        module, x = filled(reference.Inception(4, ROW, reduction=False), 4), random(2, 4, 6, 5)
        submitted = self.make(submission, module, device, 4, ROW, reduction=False)
        assert_close(answer(submitted, x, 19, device), module(x), 1e-4, 1e-5)
        assert_same_gradients(submitted, module, x, device)

    @hint("Without reduction, nothing comes behind the pooling, not even a ReLU.")
    def test_naive_pooling_hands_on_all_channels(self, submission, reference, device):
        "Naive, the last channels are the pooled input as it is, its negative values too."
        module = filled(reference.Inception(4, ROW, reduction=False), 5)
        submitted, x = self.make(submission, module, device, 4, ROW, False), random(1, 4, 4, 5) - 2
        got = answer(submitted, x, 19, device)
        assert_close(got[:, 15:], F.max_pool2d(x, 3, 1, 1), what="the last 4 channels")

    @hint("Count the channels of all four branches. Which are those of branch4 when there is no reduction?")
    def test_out_channels(self, submission):
        "The attribute out_channels is 3 + 5 + 7 + 6 = 21 with reduction, and naive, with 4 inputs, 3 + 5 + 7 + 4."
        assert_equal(submission.create("Inception", 4, ROW).get("out_channels", returns=COUNT), 21)
        assert_equal(submission.create("Inception", 4, ROW, False).get("out_channels", returns=COUNT), 19)

    @hint("`large` is the third branch's kernel; its padding follows from it.")
    def test_another_size_for_the_large_filter(self, submission, reference, device):
        "With large = 3, the third branch has 3x3 filters, with large = 7 those of 7x7; the size of the map stays."
        for large in (3, 7):
            module, x = filled(reference.Inception(4, ROW, large=large), large), random(1, 4, 5, 6)
            submitted = self.make(submission, module, device, 4, ROW, large=large)
            assert_close(answer(submitted, x, 21, device), module(x), 1e-4, 1e-5)

    @hint("Hand `batch_norm` on to every ConvUnit.")
    def test_batch_normalisation_everywhere(self, submission, reference, device):
        "With batch_norm, every ConvUnit has one, with and without reduction: the outputs agree in both modes."
        x = random(3, 4, 4, 5)
        for reduction, channels in ((True, 21), (False, 19)):
            for training in (True, False):
                module = filled(reference.Inception(4, ROW, reduction, batch_norm=True), 6).train(training)
                submitted = self.make(submission, module, device, 4, ROW, reduction, batch_norm=True)
                assert_close(answer(submitted, x, channels, device), module(x), 1e-3, 1e-4)


# ---------------------------------------------------------------------------------------- global average pooling
def maps(batch=3, channels=5):
    """Batches of maps of a few sizes."""
    sizes = st.tuples(st.integers(1, batch), st.integers(1, channels), st.integers(1, 8), st.integers(1, 8))
    return sizes.map(lambda shape: random(*shape, seed=sum(shape)))


@exercise("global_average_pool", points=2)
class TestGlobalAveragePool:
    @hint(
        "The four numbers of a map become one, their mean: (1 + 2 + 3 + 6) / 4 is 3. Both axes of the map go."
    )
    def test_worked_example(self, submission, device):
        "The map [[1, 2], [3, 6]] becomes 3, and [[0, 0], [0, 4]] becomes 1: one number for each channel."
        x = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, 4.0]]]]).to(device)
        spec = array("torch", ("float32",), (1, 2), device=device)
        assert_close(submission.call("global_average_pool", x, returns=spec), torch.tensor([[3.0, 1.0]]))

    @hint("The axes are [B, C, H, W]: which of them are the map?")
    def test_every_image_and_channel_by_itself(self, submission, device):
        "Image b holds 10b + c everywhere in channel c: that is what [b, c] becomes, for 2 images and 3 channels."
        expected = torch.tensor([[0.0, 1.0, 2.0], [10.0, 11.0, 12.0]])
        x = expected[:, :, None, None].expand(2, 3, 4, 5).contiguous().to(device)
        got = submission.call("global_average_pool", x, returns=array("torch", ("float32",), (2, 3)))
        assert_close(got, expected)

    @hint(
        "The mean of six fours is 4. Exactly the two axes of the map go: they do not stay with length 1, and no other "
        "axis goes because it has length 1."
    )
    def test_one_image_with_one_channel(self, submission, device):
        "A single image with a single channel still gives a tensor with two axes, [1, 1]."
        x = torch.full((1, 1, 3, 2), 4.0, device=device)
        got = submission.call("global_average_pool", x, returns=array("torch", ("float32",), (1, 1)))
        assert_close(got, torch.tensor([[4.0]]))

    @hint(
        "A mean is the sum of all values, divided by how many *this* map has: H * W, which is 49 only for GoogLeNet's "
        "7x7."
    )
    @given(x=maps())
    def test_maps_of_any_size(self, submission, reference, device, x):
        "For maps of any height and width, the mean is that of all their values."
        spec = array("torch", ("float32",), tuple(x.shape[:2]), device=device)
        got = submission.call("global_average_pool", x.to(device), returns=spec)
        assert_close(got, reference.global_average_pool(x), 1e-4, 1e-6)

    def test_float64_stays_float64(self, submission, device):
        "Maps of float64 give float64."
        x = random(2, 3, 4, 5).double()
        got = submission.call(
            "global_average_pool", x.to(device), returns=array("torch", ("float64",), (2, 3))
        )
        assert_close(got, x.mean((2, 3)))

    @hint(
        "A mean of 20 values takes a twentieth of each. If no gradient arrives at all: numpy, `.item()` and new "
        "tensors made of numbers cut it off."
    )
    def test_gradient_is_spread_evenly(self, submission, device):
        "Backwards, each of the 4 x 5 positions gets a twentieth of its channel's gradient."
        x, cotangent = random(2, 3, 4, 5), random(2, 3)
        found = submission.vjp("global_average_pool", (x.to(device),), (cotangent.to(device),))
        expected = (cotangent / 20)[:, :, None, None].expand(2, 3, 4, 5)
        assert_close(found["args"][0], expected, 1e-4, 1e-6, what="the gradient of the input")


@exercise("class_activation_maps", points=2)
class TestClassActivationMaps:
    def ask(self, submission, device, features, weight, bias):
        (b, _, h, w), k = features.shape, len(weight)
        spec = array("torch", ("float32",), (b, k, h, w), device=device)
        tensors = (tensor.to(device) for tensor in (features, weight, bias))
        return submission.call("class_activation_maps", *tensors, returns=spec)

    @hint("1 * 3 + 2 * 1 + 0.5 is 5.5. Sum over the channels, then add the class's bias.")
    def test_worked_example(self, submission, device):
        "One position with channels 3 and 1: class 0 gives 1 * 3 + 2 * 1 + 0.5 = 5.5, class 1 -1 * 3 = -3."
        weight, bias = torch.tensor([[1.0, 2.0], [-1.0, 0.0]]), torch.tensor([0.5, 0.0])
        got = self.ask(submission, device, torch.tensor([3.0, 1.0]).reshape(1, 2, 1, 1), weight, bias)
        assert_close(got.flatten(), torch.tensor([5.5, -3.0]))

    @hint("Each position is asked by itself: do not average first.")
    def test_every_position_by_itself(self, submission, device):
        "With one channel, weight 1 and no bias, the activation map is the map itself, whatever its shape."
        features = random(1, 1, 3, 4)
        got = self.ask(submission, device, features, torch.ones(1, 1), torch.zeros(1))
        assert_close(got, features)

    @hint("Weights are [K, C]: row k belongs to class k. Features are [B, C, H, W].")
    @given(features=maps(channels=4), classes=st.integers(1, 4))
    def test_agrees_with_the_classifier(self, submission, device, features, classes):
        "At every position of every image, class k's value is what the classifier says about its channels."
        weight, bias = random(classes, features.shape[1], seed=1), random(classes, seed=2)
        expected = F.linear(features.permute(0, 2, 3, 1), weight, bias).permute(0, 3, 1, 2)
        got = self.ask(submission, device, features, weight, bias)
        assert_close(got, expected, 1e-4, 1e-5)

    @hint("The bias counts in full at every position, so that it is there in the mean as well.")
    def test_the_mean_is_the_logit(self, submission, device):
        "The mean of each activation map is the logit of its class: of the classifier behind the average pooling."
        features, weight, bias = random(2, 4, 5, 3), random(3, 4, seed=1), random(3, seed=2)
        got = self.ask(submission, device, features, weight, bias)
        means = torch.as_tensor(got).cpu().mean((2, 3))
        logits = F.linear(features.mean((2, 3)), weight, bias)
        assert_close(means, logits, 1e-4, 1e-5, what="the means of the maps")

    @hint("The maps are logits: leave out ReLU, softmax and scaling; those are for pictures.")
    def test_maps_are_not_rescaled(self, submission, device):
        "What speaks against a class stays negative, and twice the weights and bias are twice the map."
        features, weight, bias = random(1, 3, 2, 4), random(2, 3, seed=1) - 1, random(2, seed=2)
        got = self.ask(submission, device, features, weight, bias)
        assert_close(got, torch.einsum("kc,bchw->bkhw", weight, features) + bias[:, None, None], 1e-4, 1e-5)
        twice = self.ask(submission, device, features, 2 * weight, 2 * bias)
        assert_close(twice, 2 * torch.as_tensor(got), 1e-4, 1e-5, what="the map of twice the weights")

    @hint("Stay in torch: no numpy, no .detach(), no .item().")
    def test_gradients(self, submission, reference, device):
        "The backward pass reaches the features, the weights and the bias."
        tensors = [random(2, 4, 3, 2), random(3, 4, seed=1), random(3, seed=2)]
        leaves = [tensor.clone().requires_grad_() for tensor in tensors]
        out = reference.class_activation_maps(*leaves)
        cotangent = random(*out.shape, seed=3)
        expected = torch.autograd.grad(out, leaves, cotangent)
        arguments = tuple(tensor.to(device) for tensor in tensors)
        found = submission.vjp("class_activation_maps", arguments, (cotangent.to(device),))
        for name, got, right in zip(("features", "weight", "bias"), found["args"], expected, strict=True):
            assert_close(got, right, 1e-4, 1e-5, what=f"the gradient of {name}")
