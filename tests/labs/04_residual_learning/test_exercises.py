"""Graded tests of lab 04. A docstring is what the student reads when its test fails: what should hold.

Blocks and networks live with the submission. Each gets the weights of a twin made of the reference's code, under the
names of the description; then outputs, gradients and running statistics are compared. Blocks are tested where the
shape stays, but for one test, so that a wrong shortcut costs the points of the shortcut.
"""

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnncourse.grading import array, assert_close, assert_equal, exercise, handle, hint


def generator(seed):
    return torch.Generator().manual_seed(seed)


def numbers(seed, *shape):
    """Normally distributed numbers, the same ones for the same seed."""
    return torch.randn(*shape, generator=generator(seed))


def with_random_weights(module, seed=0):
    """The module with random weights and running statistics, in evaluation mode."""
    draw = generator(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Conv2d | nn.Linear):
                part.weight.normal_(0, part.weight[0].numel() ** -0.5, generator=draw)
                if part.bias is not None:
                    part.bias.normal_(generator=draw)
            if isinstance(part, nn.BatchNorm2d):
                for tensor in (part.weight, part.running_var):
                    tensor.uniform_(0.5, 1.5, generator=draw)
                for tensor in (part.bias, part.running_mean):
                    tensor.uniform_(-0.5, 0.5, generator=draw)
    return module.eval()


def zeroed(module):
    """The module with weights of zero and normalisations that give their shift (zero) whatever comes in."""
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
    return module.eval()


def give_weights(theirs, ours, device=None):
    """Loads the twin's weights, and goes where it is: to its mode and to the device."""
    theirs.load_state_dict(dict(ours.state_dict()))
    theirs.call("train" if ours.training else "eval")
    if device is not None:
        theirs.call("to", device)
    return theirs


def names_and_shapes(state):
    return {name: tuple(tensor.shape) for name, tensor in sorted(state.items())}


def assert_names(theirs, ours):
    got, expected = names_and_shapes(theirs.state_dict()), names_and_shapes(ours.state_dict())
    missing, extra = sorted(expected.keys() - got.keys()), sorted(got.keys() - expected.keys())
    assert_equal(missing, [], what="the weights that are missing")
    assert_equal(extra, [], what="the weights that are too many")
    assert_equal(got, expected, what="the shapes of the weights")


def near(got, expected, what=""):
    """Equal to float32's rounding, for the size of what is compared."""
    scale = max(1.0, float(expected.detach().abs().max())) if expected.numel() else 1.0
    assert_close(got, expected.detach(), rtol=1e-4, atol=2e-5 * scale, what=what)


def images_of(expected, device=None):
    return array("torch", ("float32",), tuple(expected.shape), device=device)


def assert_same_output(theirs, ours, x, device="cpu"):
    expected = ours(x).detach()
    near(theirs.call("forward", x.to(device), returns=images_of(expected, device)), expected)


def assert_same_gradients(theirs, ours, x, seed=9):
    """Gradients of the input and of every weight, for a random cotangent."""
    leaf = x.clone().requires_grad_()
    y = ours(leaf)
    cotangent = numbers(seed, *y.shape)
    weights = dict(ours.named_parameters())
    # before the submission's: torch's first gradient imports for seconds, which is not a student's time
    expected = torch.autograd.grad(y, [leaf, *weights.values()], cotangent)
    got = theirs.vjp("forward", (x,), (cotangent,))
    given_to_x = got["args"][0]
    near(torch.zeros_like(x) if given_to_x is None else given_to_x, expected[0], "the gradient of the input")
    for name, gradient in zip(weights, expected[1:], strict=True):
        found = got["parameters"].get(name)
        near(torch.zeros_like(gradient) if found is None else found, gradient, f"the gradient of {name}")


def assert_same_training(theirs, ours, x):
    """In training mode: the output, and what the normalisations have learnt of the batch."""
    assert_same_output(theirs, ours, x)
    got = theirs.state_dict()
    for name, expected in ours.state_dict().items():
        if "running" in name:
            near(got[name], expected, what=name)


# ------------------------------------------------------------------------------------------------- shortcuts
@st.composite
def map_and_shape(draw):
    """A small map, more channels than it has, and a stride."""
    batch, channels, height, width = draw(st.tuples(*[st.integers(1, 3)] * 2, *[st.integers(1, 7)] * 2))
    x = torch.arange(1.0, 1 + batch * channels * height * width).reshape(batch, channels, height, width)
    return x, channels + draw(st.integers(0, 3)), draw(st.integers(1, 3))


@exercise("padding_shortcut", points=2)
class TestPaddingShortcut:
    @hint("A slice with a step, `x[:, :, ::2, ::2]`, keeps every second row and column.")
    def test_every_other_row_and_column(self, submission):
        "Of [[1, 2, 3], [4, 5, 6], [7, 8, 9]] the stride 2 keeps [[1, 3], [7, 9]]: no means, no maxima."
        x = torch.arange(1.0, 10).reshape(1, 1, 3, 3)
        got = submission.call("padding_shortcut", x, 1, 2, returns=array("torch", shape=(1, 1, 2, 2)))
        assert_equal(got, np.array([[[[1, 3], [7, 9]]]]))

    @hint("`F.pad` begins with the last axis: (left, right, top, bottom, before, behind).")
    def test_zeros_behind(self, submission):
        "Two channels become five: the two as they were, then three of zeros."
        x = torch.arange(1.0, 9).reshape(1, 2, 2, 2)
        got = submission.call("padding_shortcut", x, 5, returns=array("torch", shape=(1, 5, 2, 2)))
        assert_equal(got[:, :2], x, what="the first two channels")
        assert_equal(got[:, 2:], torch.zeros(1, 3, 2, 2), what="the channels behind them")

    @hint("What does `x` itself look like when nothing has to change?")
    def test_nothing_to_do(self, submission):
        "With as many channels as before and the stride 1 the result is x."
        x = numbers(0, 2, 3, 4, 5)
        got = submission.call("padding_shortcut", x, 3, 1, returns=array("torch", shape=(2, 3, 4, 5)))
        assert_equal(got, x)

    @hint("New tensors take their dtype and device from x: `x.new_zeros(...)`; `F.pad` does that by itself.")
    def test_dtype_and_device_stay(self, submission, device):
        "The result has the dtype of x and is on its device; the added channels too."
        for dtype in ("float64", "float16"):
            x = torch.ones(1, 1, 2, 2, dtype=getattr(torch, dtype)).to(device)
            spec = array("torch", (dtype,), (1, 3, 1, 1), device=device)
            got = submission.call("padding_shortcut", x, 3, 2, returns=spec)
            assert_equal(got.flatten(), np.array([1, 0, 0]))

    @hint("Is the result made from x by operations of torch, without `.data`, `.detach()` or numpy?")
    def test_gradients(self, submission, reference):
        "The gradient goes back to the rows and columns that were kept, and to no others."
        x = numbers(1, 1, 1, 3, 4).requires_grad_()
        cotangent = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).expand(1, 2, 2, 2)
        (expected,) = torch.autograd.grad(reference.padding_shortcut(x, 2, 2), [x], cotangent)
        got = submission.vjp("padding_shortcut", (x.detach(), 2, 2), (cotangent,))
        assert_equal(got["args"][0], expected, what="the gradient of x")

    @given(question=map_and_shape())
    def test_agrees_with_the_definition(self, submission, reference, question):
        "For every shape and stride: channel c, row i, column j is x at c, i * stride, j * stride, or zero."
        x, channels, stride = question
        expected = reference.padding_shortcut(x, channels, stride)
        spec = array("torch", ("float32",), tuple(expected.shape))
        assert_equal(submission.call("padding_shortcut", x, channels, stride, returns=spec), expected)


def shortcut(submission, *args, type=""):
    return submission.call("make_shortcut", *args, returns=handle(type))


@exercise("make_shortcut", points=2)
class TestMakeShortcut:
    @hint("Where nothing has to change, `nn.Identity()` hands on what it gets and has no weights.")
    def test_the_identity_where_the_shape_stays(self, submission):
        'From 4 to 4 channels with stride 1, "padding" and "projection" are nn.Identity(): they give back x.'
        x = numbers(0, 2, 4, 3, 3)
        for kind in ("padding", "projection"):
            theirs = shortcut(submission, kind, 4, 4, 1, type="Identity")
            assert_equal(sorted(theirs.state_dict()), [], what="the names of its weights")
            assert_equal(theirs.call("forward", x, returns=images_of(x)), x)

    @hint("`nn.Sequential(convolution, normalisation)`: a 1x1 kernel, the stride, bias=False, no padding.")
    def test_layers_of_a_projection(self, submission, reference):
        "A projection is a 1x1 convolution without a bias, 0.weight, and a normalisation, 1.weight and so on."
        args = ("projection", 3, 5, 2)
        assert_names(shortcut(submission, *args), reference.make_shortcut(*args))

    @hint("The convolution has the stride. Is the normalisation behind it, and nothing after that?")
    def test_projection(self, submission, reference):
        "From 3 to 5 channels with stride 2, and with stride 1, the weights given, the projection comes out right."
        for stride in (2, 1):
            ours = with_random_weights(reference.make_shortcut("projection", 3, 5, stride))
            theirs = give_weights(shortcut(submission, "projection", 3, 5, stride), ours)
            assert_same_output(theirs, ours, numbers(1, 2, 3, 5, 6))

    @hint("The shape has two parts. Does yours look at the channels only?")
    def test_a_stride_changes_the_shape_too(self, submission, reference):
        "From 4 to 4 channels with stride 2 there is a projection, or a padding: the map gets smaller."
        x = numbers(2, 1, 4, 4, 4)
        for kind in ("projection", "padding"):
            ours = with_random_weights(reference.make_shortcut(kind, 4, 4, 2))
            assert_same_output(give_weights(shortcut(submission, kind, 4, 4, 2), ours), ours, x)

    @hint("Option A has no weights at all: PaddingShortcut takes the number of channels of the result.")
    def test_padding(self, submission, reference):
        '"padding" from 3 to 5 channels with stride 2, or 1, is what padding_shortcut gives, without weights.'
        x = numbers(3, 2, 3, 5, 4)
        for stride in (2, 1):
            theirs = shortcut(submission, "padding", 3, 5, stride)
            assert_equal(sorted(theirs.state_dict()), [], what="the names of the weights")
            assert_same_output(theirs, reference.make_shortcut("padding", 3, 5, stride), x)

    @hint("Option C projects where the shape stays, too: ask for the kind before you give out the identity.")
    def test_all_projections(self, submission, reference):
        '"all projections" is a projection from 4 to 4 channels with stride 1 as well.'
        ours = with_random_weights(reference.make_shortcut("all projections", 4, 4, 1))
        theirs = give_weights(shortcut(submission, "all projections", 4, 4, 1), ours)
        assert_same_output(theirs, ours, numbers(4, 2, 4, 3, 3))

    @hint("Look at the kind before anything else, and raise ValueError.")
    def test_unknown_kinds(self, submission):
        'An unknown kind such as "project" raises ValueError, also where the shape stays.'
        for args in (("project", 4, 8, 2), ("project", 4, 4, 1)):
            with submission.raises(ValueError):
                submission.call("make_shortcut", *args)
        shortcut(submission, "padding", 4, 8, 2)

    @hint("In training mode the normalisation works with the mean and variance of the batch.")
    def test_training(self, submission, reference, device):
        "In training mode a projection gives the right outputs and gradients, on the device where it is."
        ours = with_random_weights(reference.make_shortcut("projection", 3, 4, 2)).train()
        theirs = give_weights(shortcut(submission, "projection", 3, 4, 2), ours)
        assert_same_gradients(theirs, ours, numbers(5, 4, 3, 4, 4))
        ours = with_random_weights(reference.make_shortcut("projection", 3, 4, 2))
        theirs = give_weights(shortcut(submission, "projection", 3, 4, 2), ours, device)
        assert_same_output(theirs, ours, numbers(6, 2, 3, 4, 4), device)


# ---------------------------------------------------------------------------------------------------- blocks
def twins(submission, reference, name, *args, seed=0, train=False, device=None, **kwargs):
    """A block of the submission and one of the reference with the same random weights."""
    ours = with_random_weights(getattr(reference, name)(*args, **kwargs), seed).train(train)
    return give_weights(submission.create(name, *args, **kwargs), ours, device), ours


def with_residual(submission, reference, name, channels, last, value):
    """A block whose layers give ``value`` everywhere, whatever comes in."""
    ours = zeroed(getattr(reference, name)(channels, channels // getattr(reference, name).expansion))
    with torch.no_grad():
        getattr(ours, last).bias.fill_(value)
    return give_weights(submission.create(name, channels, channels // ours.expansion), ours)


@exercise("BasicBlock", points=4)
class TestBasicBlock:
    @hint(
        "conv1, bn1, conv2, bn2 and downsample; bias=False for the convolutions, nn.BatchNorm2d for bn1 and bn2."
    )
    def test_layers(self, submission, reference):
        "The weights have the names and the shapes of the description; no convolution has a bias."
        for args in ((4, 4), (4, 6, 2)):
            assert_names(submission.create("BasicBlock", *args), reference.BasicBlock(*args))

    @hint("Follow the formula from the inside out. Has each convolution its own normalisation?")
    @given(seed=st.integers(0, 2**31 - 1), channels=st.integers(1, 4), height=st.integers(1, 6))
    def test_agrees_with_the_formula(self, submission, reference, seed, channels, height):
        "In evaluation mode, the weights given, y = relu(x + bn2(conv2(relu(bn1(conv1(x))))))."
        theirs, ours = twins(submission, reference, "BasicBlock", channels, channels, seed=seed)
        assert_same_output(theirs, ours, numbers(seed, 2, channels, height, 5))

    @hint("x itself is added. Keep it apart from what the convolutions make of it.")
    def test_the_input_is_added(self, submission, reference):
        "When gain and shift of bn2 are zero, what comes out is relu(x)."
        ours = with_random_weights(reference.BasicBlock(3, 3))
        with torch.no_grad():
            ours.bn2.weight.zero_(), ours.bn2.bias.zero_()
        theirs = give_weights(submission.create("BasicBlock", 3, 3), ours)
        x = numbers(1, 2, 3, 4, 4)
        near(theirs.call("forward", x, returns=images_of(x)), x.relu())

    @hint("First add, then cut off: bn2 has no ReLU of its own.")
    def test_the_addition_comes_before_the_relu(self, submission, reference):
        "Where x is 3 and the layers give -1, the block gives 2: a residual may be negative."
        theirs = with_residual(submission, reference, "BasicBlock", 2, "bn2", -1.0)
        x = torch.full((1, 2, 3, 3), 3.0)
        near(theirs.call("forward", x, returns=images_of(x)), x - 1)

    @hint("The last thing that happens is a ReLU.")
    def test_nothing_negative_comes_out(self, submission, reference):
        "Where x is 0.5 and the layers give -1, the block gives 0."
        theirs = with_residual(submission, reference, "BasicBlock", 2, "bn2", -1.0)
        x = torch.full((1, 2, 3, 3), 0.5)
        near(theirs.call("forward", x, returns=images_of(x)), torch.zeros_like(x))

    @hint("Between the convolutions: normalise, then ReLU. What is 2 stays 2, and -2 becomes 0.")
    def test_relu_between_the_convolutions(self, submission, reference):
        "The second convolution gets relu(bn1(...)): here a channel of 2 and one of 0 instead of -2."
        ours = zeroed(reference.BasicBlock(2, 2))
        with torch.no_grad():
            ours.bn1.bias.copy_(torch.tensor([2.0, -2.0]))
            ours.conv2.weight[:, :, 1, 1] = torch.tensor([[1.0, -1.0], [0.0, -1.0]])
            ours.bn2.weight.fill_(1)
        theirs = give_weights(submission.create("BasicBlock", 2, 2), ours)
        x = torch.zeros(1, 2, 2, 2)
        got = theirs.call("forward", x, returns=images_of(x))
        assert_close(got[0, :, 0, 0], np.array([2.0, 0.0]), atol=1e-3)

    @hint("The first convolution has the stride; the second one works on the small map.")
    def test_the_stride_is_in_the_first_convolution(self, submission, reference):
        "A block with stride 2 halves the map in its first convolution (tested on a plain block)."
        theirs, ours = twins(submission, reference, "BasicBlock", 3, 4, 2, residual=False)
        assert_same_output(theirs, ours, numbers(2, 2, 3, 7, 6))

    @hint("What is added is downsample(x). `make_shortcut` needs the stride too, and the kind.")
    def test_where_the_shape_changes(self, submission, reference):
        "From 3 to 5 channels with stride 2, each kind of shortcut brings x to the shape of y."
        for kind in ("projection", "padding", "all projections"):
            theirs, ours = twins(submission, reference, "BasicBlock", 3, 5, 2, kind)
            assert_same_output(theirs, ours, numbers(3, 2, 3, 5, 6))
        theirs, ours = twins(submission, reference, "BasicBlock", 4, 4, shortcut="all projections")
        assert_same_output(theirs, ours, numbers(4, 2, 4, 3, 3))

    @hint("With residual=False nothing is added, and there is no shortcut whose weights could be loaded.")
    def test_plain_block(self, submission, reference):
        "With residual=False nothing is added, and there are no weights for a shortcut."
        for args in ((3, 3), (3, 4)):
            assert_names(
                submission.create("BasicBlock", *args, residual=False),
                reference.BasicBlock(*args, residual=False),
            )
            theirs, ours = twins(submission, reference, "BasicBlock", *args, residual=False)
            assert_same_output(theirs, ours, numbers(5, 2, 3, 4, 4))

    @hint("Each normalisation is called once, by itself, in every pass.")
    def test_training_mode(self, submission, reference):
        "In training mode outputs and running statistics are those of two normalisations that saw this batch."
        theirs, ours = twins(submission, reference, "BasicBlock", 3, 3, train=True)
        assert_same_training(theirs, ours, numbers(6, 4, 3, 5, 5))

    @hint("Is x taken out of the calculation somewhere: `.detach()`, `.data`, `torch.no_grad()`?")
    def test_gradients(self, submission, reference):
        "The gradients of x and of all weights are right, in training and in evaluation mode."
        for train in (False, True):
            theirs, ours = twins(submission, reference, "BasicBlock", 3, 3, train=train)
            assert_same_gradients(theirs, ours, numbers(7, 4, 3, 4, 4))

    @hint("Layers made in `__init__` move with the block; tensors made on the way have to be on x's device.")
    def test_on_its_device(self, submission, reference, device):
        "A block that was moved to a device works there."
        theirs, ours = twins(submission, reference, "BasicBlock", 3, 3, device=device)
        assert_same_output(theirs, ours, numbers(8, 2, 3, 4, 4), device)


@exercise("Bottleneck", points=3)
class TestBottleneck:
    @hint(
        "The block is named by its 3x3: 1x1 to `channels`, 3x3 among them, 1x1 to `4 * channels`. No biases."
    )
    def test_layers(self, submission, reference):
        "The weights have the names and the shapes of the description; the last layer gives 4 * channels."
        for args in ((8, 2), (6, 2, 2)):
            assert_names(submission.create("Bottleneck", *args), reference.Bottleneck(*args))

    @hint(
        "Three normalisations, each behind its convolution; a ReLU behind the first two and behind the addition."
    )
    @given(seed=st.integers(0, 2**31 - 1), channels=st.integers(1, 3), height=st.integers(1, 6))
    def test_agrees_with_the_formula(self, submission, reference, seed, channels, height):
        "In evaluation mode, the weights given, what comes out is what the formula says."
        theirs, ours = twins(submission, reference, "Bottleneck", 4 * channels, channels, seed=seed)
        assert_same_output(theirs, ours, numbers(seed, 2, 4 * channels, height, 5))

    @hint("x itself is added. Keep it apart from what the convolutions make of it.")
    def test_the_input_is_added(self, submission, reference):
        "When gain and shift of bn3 are zero, what comes out is relu(x)."
        ours = with_random_weights(reference.Bottleneck(8, 2))
        with torch.no_grad():
            ours.bn3.weight.zero_(), ours.bn3.bias.zero_()
        theirs = give_weights(submission.create("Bottleneck", 8, 2), ours)
        x = numbers(1, 2, 8, 4, 4)
        near(theirs.call("forward", x, returns=images_of(x)), x.relu())

    @hint("First add, then cut off: bn3 has no ReLU of its own, and the last thing that happens is a ReLU.")
    def test_the_addition_comes_before_the_relu(self, submission, reference):
        "Where the layers give -1, an x of 3 becomes 2 and an x of 0.5 becomes 0."
        theirs = with_residual(submission, reference, "Bottleneck", 4, "bn3", -1.0)
        for value, expected in ((3.0, 2.0), (0.5, 0.0)):
            x = torch.full((1, 4, 2, 2), value)
            near(theirs.call("forward", x, returns=images_of(x)), torch.full_like(x, expected))

    @hint('With stride_in="1x1", which is the default, the first convolution has the stride.')
    def test_stride_in_the_1x1(self, submission, reference):
        "As in the paper the stride is in the first convolution, unless something else is asked for."
        for options in ({}, {"stride_in": "1x1"}):
            theirs, ours = twins(submission, reference, "Bottleneck", 5, 2, 2, residual=False, **options)
            assert_same_output(theirs, ours, numbers(2, 2, 5, 7, 6))

    @hint('With stride_in="3x3" the second convolution has the stride, and the first one has none.')
    def test_stride_in_the_3x3(self, submission, reference):
        'With stride_in="3x3" the stride is in the second convolution.'
        theirs, ours = twins(submission, reference, "Bottleneck", 5, 2, 2, residual=False, stride_in="3x3")
        assert_same_output(theirs, ours, numbers(3, 2, 5, 7, 6))

    @hint("Compare stride_in with the two words before anything else.")
    def test_unknown_places_of_the_stride(self, submission):
        'Another place, such as stride_in="5x5", raises ValueError, also where the stride is 1.'
        for stride in (1, 2):
            with submission.raises(ValueError):
                submission.create("Bottleneck", 8, 2, stride, stride_in="5x5")
        submission.create("Bottleneck", 8, 2, 2, stride_in="3x3")

    @hint(
        "The shortcut leads to as many channels as y has: 4 * channels. It needs the stride and the kind, too."
    )
    def test_where_the_shape_changes(self, submission, reference):
        "From 3 to 8 channels with stride 2, each kind of shortcut brings x to the shape of y."
        for kind in ("projection", "padding", "all projections"):
            theirs, ours = twins(submission, reference, "Bottleneck", 3, 2, 2, kind)
            assert_same_output(theirs, ours, numbers(4, 2, 3, 5, 6))

    @hint("With residual=False nothing is added, and there is no shortcut whose weights could be loaded.")
    def test_plain_block(self, submission, reference):
        "With residual=False nothing is added, and there are no weights for a shortcut."
        for args in ((8, 2), (5, 2)):
            assert_names(
                submission.create("Bottleneck", *args, residual=False),
                reference.Bottleneck(*args, residual=False),
            )
            theirs, ours = twins(submission, reference, "Bottleneck", *args, residual=False)
            assert_same_output(theirs, ours, numbers(5, 2, args[0], 4, 4))

    @hint("Each normalisation is called once, by itself, in every pass; and nothing is detached.")
    def test_training(self, submission, reference):
        "In training mode outputs, running statistics and gradients are right."
        theirs, ours = twins(submission, reference, "Bottleneck", 8, 2, train=True)
        x = numbers(6, 4, 8, 4, 4)
        assert_same_training(theirs, ours, x)
        assert_same_gradients(theirs, ours, x)

    @hint("Layers made in `__init__` move with the block; tensors made on the way have to be on x's device.")
    def test_on_its_device(self, submission, reference, device):
        "A block that was moved to a device works there."
        theirs, ours = twins(submission, reference, "Bottleneck", 8, 2, device=device)
        assert_same_output(theirs, ours, numbers(8, 2, 8, 4, 4), device)


# -------------------------------------------------------------------------------------------------- networks
def network(submission, blocks, channels=2, bottleneck=False, stem="small", **options):
    """A network of the submission; `network` is a given cell of the lab."""
    options |= {"blocks": blocks, "channels": channels, "bottleneck": bottleneck, "stem": stem}
    return submission.call("network", returns=handle("ResNet"), **options)


def reference_network(reference, blocks, channels=2, bottleneck=False, stem="small", seed=0, **options):
    block = reference.Bottleneck if bottleneck else reference.BasicBlock
    return with_random_weights(reference.ResNet(block, blocks, channels, stem, 10, 16, **options), seed)


def twin_networks(submission, reference, *args, device=None, train=False, **options):
    ours = reference_network(reference, *args, **options).train(train)
    return give_weights(network(submission, *args, **options), ours, device), ours


@exercise("ResNet", points=3)
class TestResNet:
    @hint("The first block of a stage takes `in_channels`. What does the second take?")
    def test_layers(self, submission, reference):
        "Stages of basic blocks and of bottlenecks have as many blocks, and as wide ones, as they should."
        for bottleneck in (False, True):
            ours = reference_network(reference, [2, 1, 3], bottleneck=bottleneck)
            assert_names(network(submission, [2, 1, 3], bottleneck=bottleneck), ours)

    @hint(
        "Stem: conv1, bn1, relu, maxpool. Then each stage; then avgpool, flatten(1) and fc, and nothing after that."
    )
    def test_one_block_a_stage(self, submission, reference):
        "With one block in each stage the logits are right, and they are logits: no softmax."
        theirs, ours = twin_networks(submission, reference, [1, 1])
        assert_same_output(theirs, ours, numbers(0, 2, 3, 8, 8))

    @hint("Only the first block of a stage gets the stride.")
    def test_several_blocks_a_stage(self, submission, reference):
        "With several blocks in a stage the first one alone has the stride."
        theirs, ours = twin_networks(submission, reference, [2, 3])
        assert_same_output(theirs, ours, numbers(1, 2, 3, 16, 16))

    @hint("`self.stages` has the names of all stages, and `getattr(self, name)` the stage itself.")
    def test_any_number_of_stages(self, submission, reference):
        "Networks of one, of three and of four stages are right, too."
        for blocks in ([2], [1, 1, 1], [1, 1, 1, 1]):
            theirs, ours = twin_networks(submission, reference, blocks)
            assert_same_output(theirs, ours, numbers(2, 1, 3, 16, 16))

    @hint("A bottleneck takes and gives 4 * channels; `block.expansion` says so for every kind of block.")
    def test_bottlenecks(self, submission, reference):
        "Networks of bottlenecks are right."
        theirs, ours = twin_networks(submission, reference, [2, 2], bottleneck=True)
        assert_same_output(theirs, ours, numbers(3, 2, 3, 8, 8))

    @hint("`block(..., **block_options)` for every block of the stage, not for the first alone.")
    def test_options_reach_every_block(self, submission, reference):
        'residual=False, shortcut="padding" and stride_in="3x3" reach every block.'
        x = numbers(4, 2, 3, 8, 8)
        for options in (
            {"residual": False},
            {"shortcut": "padding"},
            {"bottleneck": True, "stride_in": "3x3"},
        ):
            theirs, ours = twin_networks(submission, reference, [2, 2], **options)
            assert_same_output(theirs, ours, x)

    @hint("Between conv1 and the stages stand bn1, relu and maxpool, in this order.")
    def test_large_stem(self, submission, reference):
        'With stem="imagenet" the network begins with a 7x7 convolution, and a 3x3 pooling before the stages.'
        theirs, ours = twin_networks(submission, reference, [1, 1], stem="imagenet")
        assert_same_output(theirs, ours, numbers(5, 2, 3, 32, 32))

    @hint("Global average pooling takes every map to a single number, so that fc fits whatever the size was.")
    def test_other_sizes_of_images(self, submission, reference):
        "Images of 11 x 14 pixels are fine for the same network."
        theirs, ours = twin_networks(submission, reference, [1, 1])
        assert_same_output(theirs, ours, numbers(6, 2, 3, 11, 14))

    @hint("Every layer once, and nothing detached on the way.")
    def test_training(self, submission, reference):
        "In training mode outputs, running statistics and gradients of all weights are right."
        theirs, ours = twin_networks(submission, reference, [1, 2], train=True)
        x = numbers(7, 4, 3, 8, 8)
        assert_same_training(theirs, ours, x)
        assert_same_gradients(theirs, ours, x)

    @hint("Everything that has weights must be part of the stage, which is an `nn.Sequential`.")
    def test_on_its_device(self, submission, reference, device):
        "A network that was moved to a device works there."
        theirs, ours = twin_networks(submission, reference, [1, 1], device=device)
        assert_same_output(theirs, ours, numbers(8, 2, 3, 8, 8), device)


# -------------------------------------------------------------------------------------------------- identity
@exercise("identity_kernel", points=1)
class TestIdentityKernel:
    @hint("One number in nine is a one, and it stands in the middle.")
    def test_one_channel(self, submission):
        "For one channel the kernel is [[0, 0, 0], [0, 1, 0], [0, 0, 0]]."
        got = submission.call("identity_kernel", 1, returns=array("torch", ("float32",), (1, 1, 3, 3)))
        assert_equal(got[0, 0], np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]]))

    @hint("Output channel i takes input channel i and no other: weight[i, j] is all zeros where i is not j.")
    def test_channels_are_not_mixed(self, submission):
        "For three channels there are three ones: from channel 0 to 0, from 1 to 1, from 2 to 2."
        got = submission.call("identity_kernel", 3, returns=array("torch", ("float32",), (3, 3, 3, 3)))
        assert_equal(got[:, :, 1, 1], np.eye(3), what="the middle of the kernels")
        assert_equal(got.sum(), np.array(3.0), what="the sum")

    @hint("The middle of a kernel of size k is at k // 2.")
    def test_other_sizes(self, submission):
        "Kernels of 1 x 1 and 5 x 5 have their ones in the middle as well."
        for kernel in (1, 5):
            spec = array("torch", ("float32",), (2, 2, kernel, kernel))
            expected = np.zeros((2, 2, kernel, kernel))
            expected[[0, 1], [0, 1], kernel // 2, kernel // 2] = 1
            assert_equal(submission.call("identity_kernel", 2, kernel, returns=spec), expected)

    @hint("Try it: `F.conv2d(x, weight, padding=kernel // 2)` should be x.")
    @given(channels=st.integers(1, 5), kernel=st.sampled_from([1, 3, 5, 7]))
    def test_changes_nothing(self, submission, channels, kernel):
        "A convolution with these weights gives back every image as it was."
        spec = array("torch", ("float32",), (channels, channels, kernel, kernel))
        weight = submission.call("identity_kernel", channels, kernel, returns=spec)
        x = numbers(channels, 2, channels, 6, 7)
        assert_close(F.conv2d(x, weight, padding=kernel // 2), x)


def after_make_identity(submission, reference, name, *args, seed=0, **kwargs):
    """The reference's block before, and with the weights that the submission's has got since then.

    The weights are judged in the reference's block: a wrong `forward` costs no points here.
    """
    ours = with_random_weights(getattr(reference, name)(*args, **kwargs), seed)
    theirs = give_weights(submission.create(name, *args, **kwargs), ours)
    submission.call("make_identity", theirs)
    got = theirs.state_dict()
    assert_equal(sorted(got), sorted(ours.state_dict()), what="the names of the weights afterwards")
    after = getattr(reference, name)(*args, **kwargs)
    after.load_state_dict(got)
    return ours, after.eval()


def positive(seed, *shape):
    return torch.rand(*shape, generator=generator(seed))


@exercise("make_identity", points=3)
class TestMakeIdentity:
    @hint(
        "Which normalisation is the last before the addition? Its weight and its bias become zero, in place."
    )
    def test_residual_block(self, submission, reference):
        "A residual basic block gives back x, for an x that is nowhere negative, to the last bit."
        _, after = after_make_identity(submission, reference, "BasicBlock", 3, 3)
        x = positive(0, 2, 3, 5, 5)
        assert_equal(after(x).detach(), x)

    @hint("In a bottleneck another normalisation is the last one.")
    def test_bottleneck(self, submission, reference):
        "A residual bottleneck gives back x, too."
        _, after = after_make_identity(submission, reference, "Bottleneck", 8, 2)
        x = positive(1, 2, 8, 5, 5)
        assert_equal(after(x).detach(), x)

    @hint("Zero the gain and the shift. In training mode the running statistics are not asked.")
    def test_residual_blocks_in_training(self, submission, reference):
        "Residual blocks give back x in training mode as well."
        for name, args in (("BasicBlock", (3, 3)), ("Bottleneck", (8, 2))):
            _, after = after_make_identity(submission, reference, name, *args)
            x = positive(2, 4, args[0], 4, 4)
            assert_equal(after.train()(x).detach(), x)

    @hint("A block all of whose weights are zero has no gradient and never learns: two tensors are enough.")
    def test_a_residual_block_can_wake_up(self, submission, reference):
        "In a residual block all weights but the last gain and shift stay as they were."
        for name, args, last in (("BasicBlock", (3, 3), "bn2"), ("Bottleneck", (8, 2), "bn3")):
            before, after = after_make_identity(submission, reference, name, *args)
            got = after.state_dict()
            for weight, expected in before.state_dict().items():
                if weight not in (f"{last}.weight", f"{last}.bias"):
                    assert_equal(got[weight], expected, what=weight)

    @hint(
        "Both convolutions get identity_kernel; each normalisation must give back what it gets, whatever it held."
    )
    @given(seed=st.integers(0, 2**31 - 1), channels=st.integers(1, 4))
    def test_plain_block(self, submission, reference, seed, channels):
        "A plain block gives back x in evaluation mode, whatever its weights and statistics were."
        args = (channels, channels)
        _, after = after_make_identity(submission, reference, "BasicBlock", *args, seed=seed, residual=False)
        x = positive(seed, 2, channels, 4, 4)
        assert_close(after(x).detach(), x, rtol=1e-4, atol=1e-4)

    @hint("A normalisation divides by sqrt(running_var + eps). With which running_var is that exactly 1?")
    def test_eps_is_made_up_for(self, submission, reference):
        "A plain block gives back x = 1000 to a few thousandths: the normalisations' eps is not forgotten."
        _, after = after_make_identity(submission, reference, "BasicBlock", 2, 2, residual=False)
        x = torch.full((1, 2, 3, 3), 1000.0)
        assert_close(after(x).detach(), x, rtol=1.5e-6, atol=0)

    @hint("`isinstance(block.downsample, nn.Identity)` tells whether a residual block can be the identity.")
    def test_residual_blocks_that_cannot(self, submission):
        "A residual block that pads or projects raises ValueError; so does one with all projections."
        for name, args in (
            ("BasicBlock", (2, 4)),
            ("BasicBlock", (2, 2, 2, "padding")),
            ("BasicBlock", (2, 2, 1, "all projections")),
            ("Bottleneck", (4, 2)),
        ):
            block = submission.create(name, *args)
            with submission.raises(ValueError):
                submission.call("make_identity", block)
        submission.call("make_identity", submission.create("BasicBlock", 2, 2))

    @hint("A plain block has no downsample to ask: look at its kind, its channels and the stride of conv1.")
    def test_plain_blocks_that_cannot(self, submission):
        "A plain bottleneck raises ValueError, and so does a plain block with a stride or with other channels."
        for name, args in (("Bottleneck", (8, 2)), ("BasicBlock", (2, 2, 2)), ("BasicBlock", (2, 3))):
            block = submission.create(name, *args, residual=False)
            with submission.raises(ValueError):
                submission.call("make_identity", block)
        submission.call("make_identity", submission.create("BasicBlock", 2, 2, residual=False))

    @hint("Copy into the weights that are there, `weight.copy_(...)`: a new tensor may be somewhere else.")
    def test_on_its_device(self, submission, reference, device):
        "A block that was moved to a device stays there: its weights do not come back to the CPU."
        for options in ({}, {"residual": False}):
            ours = with_random_weights(reference.BasicBlock(2, 2, **options))
            theirs = give_weights(submission.create("BasicBlock", 2, 2, **options), ours, device)
            submission.call("make_identity", theirs)
            places = {tensor.device.type for tensor in theirs.state_dict().values()}
            assert_equal(sorted(places), [device], what="where the weights are")


def deepened(submission, reference, shallow, deep, **options):
    """The reference's shallow network, and its deep one with the weights that the submission's has got."""
    small = reference_network(reference, shallow, seed=1, **options)
    large = reference_network(reference, deep, seed=2, **options)
    theirs = give_weights(network(submission, deep, **options), large)
    source = give_weights(network(submission, shallow, **options), small)
    submission.call("deepen", source, theirs)
    large.load_state_dict(theirs.state_dict())
    return small, large, source


@exercise("deepen", points=2)
class TestDeepen:
    @hint(
        "Is the running state copied too? `load_state_dict` of a block, of conv1, bn1 and fc takes it along."
    )
    def test_residual_networks(self, submission, reference):
        "A residual network with more blocks gives the same logits as the shallow one, to the last bit."
        small, large, _ = deepened(submission, reference, [1, 1], [3, 2])
        x = numbers(0, 2, 3, 8, 8)
        assert_equal(large(x).detach(), small(x).detach())

    @hint("The blocks that `deep` has more must be the identity, in plain networks too.")
    def test_plain_networks(self, submission, reference):
        "A plain network with more blocks gives the same logits."
        small, large, _ = deepened(submission, reference, [1, 1], [2, 3], residual=False)
        x = numbers(1, 2, 3, 8, 8)
        near(large(x).detach(), small(x).detach())

    @hint("In each stage the first blocks come from `shallow`, in their order.")
    def test_stages_of_several_blocks(self, submission, reference):
        "Stages with two and three blocks keep all of them, in their order, in each stage."
        small, large, _ = deepened(submission, reference, [2, 3, 1], [4, 3, 2])
        x = numbers(2, 2, 3, 12, 12)
        near(large(x).detach(), small(x).detach())

    @hint("`shallow.stages` has the names of all stages.")
    def test_bottlenecks_and_other_stems(self, submission, reference):
        'Networks of bottlenecks, with one stage, and with stem="imagenet" work as well.'
        for shallow, deep, options in (
            ([1, 1], [2, 2], {"bottleneck": True}),
            ([1], [3], {}),
            ([1, 1], [1, 2], {"stem": "imagenet"}),
        ):
            small, large, _ = deepened(submission, reference, shallow, deep, **options)
            x = numbers(3, 2, 3, 16, 16)
            near(large(x).detach(), small(x).detach())

    @hint("A block that is shared by both networks is trained by both: copy its weights.")
    def test_the_shallow_network_stays(self, submission, reference):
        "The shallow network is as it was, also when the deep one's weights are changed afterwards."
        small = reference_network(reference, [1, 1], seed=1)
        source = give_weights(network(submission, [1, 1]), small)
        deep = network(submission, [2, 2])
        submission.call("deepen", source, deep)
        deep.load_state_dict(dict(reference_network(reference, [2, 2], seed=3).state_dict()))
        got = source.state_dict()
        for name, expected in small.state_dict().items():
            assert_equal(got[name], expected, what=name)

    @hint("Compare the stages, and then the number of blocks in each; `len(...)` of a stage says how many.")
    def test_networks_that_do_not_fit(self, submission):
        "Another number of stages raises ValueError, and so does a stage with fewer blocks."
        for shallow, deep in (([1, 1], [1, 1, 1]), ([1, 1, 1], [1, 1]), ([2, 2], [3, 1]), ([2, 1], [1, 1])):
            networks = network(submission, shallow), network(submission, deep)
            with submission.raises(ValueError):
                submission.call("deepen", *networks)
        submission.call("deepen", network(submission, [1, 1]), network(submission, [1, 1]))
