"""Graded tests of lab 02 (A1-A4). A docstring is what the student reads when its test fails: what should hold.

What is random is tested by its distribution, from generators that the lab's own ``seeded`` makes: they stay with
the submission. Bounds are five standard deviations or more, so that a right answer passes with any seed.
"""

from collections import Counter

import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.grading import array, assert_close, assert_equal, exercise, hint, number

SEEDS = st.integers(0, 999)
FLOATS = ("float32", "float64")


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def uniform(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def numbered(count, channels, height, width):
    """Images that all are the same, and whose every value says where it is."""
    one = torch.arange(channels * height * width).reshape(1, channels, height, width)
    return one.repeat(count, 1, 1, 1)


def floats(*shape, device=None):
    return array("torch", FLOATS, shape or None, device=device)


@exercise("conv_output_size", points=2)
class TestConvOutputSize:
    @hint("Write down where the window can begin, and count the places.")
    def test_places_are_counted(self, submission):
        "A window of 3 moves over 7 pixels in steps of 2: it begins at 0, 2 and 4, which are 3 places."
        assert_equal(submission.call("conv_output_size", 7, 3, 2, returns=number(int)), 3)
        assert_equal(submission.call("conv_output_size", 10, 4, returns=number(int)), 7)
        assert_equal(submission.call("conv_output_size", 5, 5, returns=number(int)), 1)

    @hint("From 7 to 8 pixels nothing changes: the next window would begin at 6 and need pixel 8.")
    def test_the_last_window_has_to_fit(self, submission):
        "In 8 pixels, too, there are 3 places for a window of 3 in steps of 2; in 9 pixels there are 4."
        assert_equal(submission.call("conv_output_size", 8, 3, 2, returns=number(int)), 3)
        assert_equal(submission.call("conv_output_size", 9, 3, 2, returns=number(int)), 4)

    @hint("How many pixels does the padded image have?")
    def test_padding_is_added_at_both_ends(self, submission):
        "With 1 pixel of padding a window of 3 leaves the size as it is; 9 pixels padded by 3 have 15."
        assert_equal(submission.call("conv_output_size", 9, 3, 1, 1, returns=number(int)), 9)
        assert_equal(submission.call("conv_output_size", 9, 5, 2, 3, returns=number(int)), 6)

    @hint(
        "Is anything left over behind the last window? Only then there is one more: `-(-a // b)` rounds a / b up, "
        "as `a // b` rounds it down."
    )
    def test_ceil_lets_the_last_window_stick_out(self, submission):
        "With ceil=True a window of 3 in steps of 2 has 3 places in 6 pixels, and still 3 in 7 pixels."
        for size in (6, 7):
            got = submission.call("conv_output_size", size, 3, 2, ceil=True, returns=number(int))
            assert_equal(got, 3)

    @hint(
        "Counted from the padded image's first pixel, the image's own pixels end at padding + size: a window that "
        "begins there or later sees none of them."
    )
    def test_ceil_adds_no_window_behind_the_image(self, submission):
        "With ceil=True, padding 1 and steps of 2, a window of 2 on 3 pixels begins at -1 and 1, never at 3."
        assert_equal(submission.call("conv_output_size", 3, 2, 2, 1, True, returns=number(int)), 2)
        assert_equal(submission.call("conv_output_size", 4, 2, 2, 1, True, returns=number(int)), 3)

    @hint(
        "The window has to fit into the *padded* image, of size + 2 * padding. Compare before you compute, and raise "
        "ValueError."
    )
    def test_nonsense_is_refused(self, submission):
        """A window of 5 in 4 pixels, kernel 0 and stride 0: ValueError. A window of 6 in 2 pixels that are padded by 2
        has one place."""
        for arguments in ((4, 5), (2, 7, 1, 2), (8, 0), (8, 3, 0)):
            with submission.raises(ValueError):
                submission.call("conv_output_size", *arguments)
        assert_equal(submission.call("conv_output_size", 2, 6, 1, 2, returns=number(int)), 1)

    @given(
        size=st.integers(11, 64),
        kernel=st.integers(1, 11),
        stride=st.integers(1, 5),
        padding=st.integers(0, 5),
        ceil=st.booleans(),
    )
    def test_agrees_with_the_definition(self, submission, reference, size, kernel, stride, padding, ceil):
        "For any size, kernel, stride and padding, with both ways of rounding."
        padding = min(padding, kernel // 2)
        got = submission.call("conv_output_size", size, kernel, stride, padding, ceil, returns=number(int))
        assert_equal(got, reference.conv_output_size(size, kernel, stride, padding, ceil))


@exercise("conv_parameters", points=2)
class TestConvParameters:
    @hint("One filter has kernel x kernel x in_channels weights and one bias.")
    def test_weights_and_biases_are_counted(self, submission):
        "Four filters of 3 x 3 x 2 with a bias each: 4 * 18 + 4 = 76."
        assert_equal(submission.call("conv_parameters", 2, 4, 3, returns=number(int)), 76)

    @hint("The last two arguments need not be given.")
    def test_alexnets_first_layer(self, submission):
        "96 filters of 11 x 11 x 3 have 34,944 parameters."
        assert_equal(submission.call("conv_parameters", 3, 96, 11, returns=number(int)), 34_944)

    def test_without_biases(self, submission):
        "With bias=False the four filters of 3 x 3 x 2 have 72 parameters."
        got = submission.call("conv_parameters", 2, 4, 3, bias=False, returns=number(int))
        assert_equal(got, 72)

    @hint("In groups there are as many filters as before, but each is thinner.")
    def test_groups_make_filters_thinner(self, submission):
        "In two groups, four filters see one of two channels each: 4 * 9 + 4 = 40."
        assert_equal(submission.call("conv_parameters", 2, 4, 3, 2, returns=number(int)), 40)
        got = submission.call("conv_parameters", 6, 12, 2, groups=3, returns=number(int))
        assert_equal(got, 12 * 2 * 4 + 12)

    @hint("`a % b` is 0 when b divides a. There are two numbers of channels to be divided.")
    def test_groups_have_to_divide_both(self, submission):
        """Two groups can share neither 3 input channels nor 5 output channels: ValueError. They can share 4 and 6: with
        filters of 1 x 1 that makes 18 parameters."""
        for channels in ((3, 4), (4, 5)):
            with submission.raises(ValueError):
                submission.call("conv_parameters", *channels, 3, groups=2)
        assert_equal(submission.call("conv_parameters", 4, 6, 1, groups=2, returns=number(int)), 18)

    @given(
        inputs=st.integers(1, 9),
        outputs=st.integers(1, 9),
        kernel=st.integers(1, 7),
        groups=st.integers(1, 4),
        bias=st.booleans(),
    )
    def test_agrees_with_the_definition(self, submission, reference, inputs, outputs, kernel, groups, bias):
        "For any numbers of channels that the groups divide, with and without biases."
        arguments = inputs * groups, outputs * groups, kernel, groups, bias
        got = submission.call("conv_parameters", *arguments, returns=number(int))
        assert_equal(got, reference.conv_parameters(*arguments))


def grouped(submission, reference, *arguments, seed=0, **options):
    """A layer of the submission and one of ours, with the same random weights and biases."""
    ours = reference.GroupedConvolution(*arguments, **options)
    weights = {
        "weight": normal(*ours.weight.shape, seed=seed),
        "bias": normal(*ours.bias.shape, seed=seed + 1),
    }
    ours.load_state_dict(weights)
    theirs = submission.create("GroupedConvolution", *arguments, **options)
    theirs.load_state_dict(weights)
    return theirs, ours


def assert_same_maps(theirs, ours, x):
    expected = ours(x).detach()
    got = theirs.call(None, x, returns=floats(*expected.shape))
    assert_close(got, expected, rtol=1e-4, atol=1e-4)


@exercise("GroupedConvolution", points=3)
class TestGroupedConvolution:
    @hint("`x.chunk(groups, dim=1)` cuts the channels. Then `F.conv2d` for each part, and `torch.cat`.")
    def test_worked_example(self, submission):
        "Two groups of one channel with filters of 1 x 1: 2 becomes 10 * 2 + 1 = 21, and 3 becomes 100 * 3 + 2 = 302."
        layer = submission.create("GroupedConvolution", 2, 2, 1, groups=2)
        weight = torch.tensor([10.0, 100.0]).reshape(2, 1, 1, 1)
        layer.load_state_dict({"weight": weight, "bias": torch.tensor([1.0, 2.0])})
        x = torch.tensor([2.0, 3.0]).reshape(1, 2, 1, 1)
        got = layer.call(None, x, returns=floats(1, 2, 1, 1))
        assert_close(got, torch.tensor([21.0, 302.0]).reshape(1, 2, 1, 1))

    @hint("ReLU is max(0, value): it leaves positive values alone, however large they are.")
    def test_relu_comes_last(self, submission):
        "After the convolution, -7 becomes 0, and 0.5 and 7 stay what they are."
        layer = submission.create("GroupedConvolution", 1, 1, 1)
        layer.load_state_dict({"weight": torch.ones(1, 1, 1, 1), "bias": torch.tensor([-1.0])})
        x = torch.tensor([[[[-6.0, 1.5, 8.0]]]])
        got = layer.call(None, x, returns=floats(1, 1, 1, 3))
        assert_close(got, torch.tensor([[[[0.0, 0.5, 7.0]]]]))

    def test_one_group_is_an_ordinary_convolution(self, submission, reference):
        "With groups=1 every filter sees all channels."
        theirs, ours = grouped(submission, reference, 3, 4, 3)
        assert_same_maps(theirs, ours, normal(1, 3, 5, 6))

    @hint("The first half of the filters reads the first half of the channels, the second half the second.")
    def test_groups_do_not_see_one_another(self, submission, reference):
        "What the first group gives stays the same when the channels of the second group change."
        theirs, ours = grouped(submission, reference, 4, 4, 1, groups=2)
        x = normal(1, 4, 3, 3)
        for channels in (slice(0, 2), slice(2, 4)):
            other = x.clone()
            other[:, channels] += 5
            maps = ours(other).detach()
            got = theirs.call(None, other, returns=floats(*maps.shape))
            where = f"after a change of the channels {channels.start} and {channels.stop - 1}, the maps"
            assert_close(got, maps, rtol=1e-4, atol=1e-4, what=where)

    @hint("The maps of the first group come first, all of them.")
    def test_groups_are_put_together_in_order(self, submission, reference):
        "Six channels in three groups give nine maps: three of the first group, then of the second, then of the third."
        theirs, ours = grouped(submission, reference, 6, 9, 1, groups=3)
        assert_same_maps(theirs, ours, normal(1, 6, 2, 2))

    @hint("`F.conv2d` takes stride and padding as well; the layer keeps them as attributes.")
    def test_stride_and_padding_are_used(self, submission, reference):
        "With stride 2 and padding 1, filters of 3 x 3 turn maps of 6 x 9 into maps of 3 x 5."
        theirs, ours = grouped(submission, reference, 2, 4, 3, stride=2, padding=1, groups=2)
        assert_same_maps(theirs, ours, normal(1, 2, 6, 9))

    @hint("Axis 0 is the images, axis 1 the channels.")
    def test_images_of_a_batch_stay_apart(self, submission, reference):
        "A batch of four images gives for each image what the image alone gives."
        theirs, ours = grouped(submission, reference, 4, 6, 3, padding=1, groups=2)
        assert_same_maps(theirs, ours, normal(4, 4, 4, 4))

    @hint("Operations of torch carry gradients; `.data`, `.detach()` and numpy cut them off.")
    def test_gradients_flow(self, submission, reference):
        "The gradients of input, weights and biases are those of a convolution in groups with ReLU."
        theirs, ours = grouped(submission, reference, 4, 6, 3, padding=1, groups=2)
        x = normal(2, 4, 4, 5, seed=5).requires_grad_()
        out = ours(x)
        cotangent = normal(*out.shape, seed=6)
        wanted = torch.autograd.grad(out, (x, ours.weight, ours.bias), cotangent)
        got = theirs.vjp(None, (x.detach(),), (cotangent,))
        assert_close(got["args"][0], wanted[0], rtol=1e-4, atol=1e-4, what="the gradient of the input")
        for name, expected in zip(("weight", "bias"), wanted[1:], strict=True):
            found = got["parameters"][name]
            assert found is not None, f"no gradient arrives at {name}"
            assert_close(found, expected, rtol=1e-4, atol=1e-4, what=f"the gradient of {name}")

    def test_tensors_stay_on_their_device(self, submission, reference, device):
        "A layer and images on a device give maps on that device."
        theirs, ours = grouped(submission, reference, 2, 4, 3, groups=2)
        theirs.call("to", device)
        x = normal(1, 2, 4, 4)
        got = theirs.call(None, x.to(device), returns=floats(1, 4, 2, 2, device=device))
        assert_close(got, ours(x).detach(), rtol=1e-4, atol=1e-4)

    @given(groups=st.integers(1, 3), inputs=st.integers(1, 3), outputs=st.integers(1, 3), seed=SEEDS)
    def test_agrees_with_the_definition(self, submission, reference, groups, inputs, outputs, seed):
        "For any numbers of groups and channels."
        channels = inputs * groups, outputs * groups
        theirs, ours = grouped(submission, reference, *channels, 2, groups=groups, seed=seed)
        assert_same_maps(theirs, ours, normal(2, channels[0], 3, 3, seed=seed))


def in_channels(*values):
    """One value in each channel, at one position."""
    return torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1, 1)


@exercise("local_response_norm", points=3)
class TestLocalResponseNorm:
    @hint("For channel 0: 1 / (0 + 1 * (1*1 + 2*2)) = 0.2. Its window is channels 0 and 1.")
    def test_worked_example(self, submission):
        "With size=3, alpha=1, beta=1 and k=0 the channels 1, 2, 3 become 1/5, 2/14, 3/13."
        got = submission.call("local_response_norm", in_channels(1, 2, 3), 3, 1.0, 1.0, 0.0, returns=floats())
        assert_close(got, in_channels(1 / 5, 2 / 14, 3 / 13))

    @hint("Look at the formula again: what does alpha multiply? PyTorch's own layer has another formula.")
    def test_alpha_multiplies_the_sum(self, submission):
        "alpha multiplies the sum, not the mean: one channel of 3 with alpha=1, beta=1, k=1 becomes 3 / (1 + 9)."
        for size in (1, 3, 5):
            got = submission.call(
                "local_response_norm", in_channels(3), size, 1.0, 1.0, 1.0, returns=floats(1, 1, 1, 1)
            )
            assert_close(got, in_channels(0.3), what=f"with size={size}")
        x = in_channels(3, 3, 3)
        got = submission.call("local_response_norm", x, 3, 1.0, 1.0, 1.0, returns=floats(1, 3, 1, 1))
        assert_close(got, in_channels(3 / 19, 3 / 28, 3 / 19), what="three channels of 3")

    @hint("The defaults stand in the signature. 2 + 0.0001 * 100 * 100 = 3.")
    def test_the_papers_constants(self, submission):
        "Without further arguments a single channel of 100 becomes 100 / 3 ** 0.75 = 43.87."
        got = submission.call("local_response_norm", in_channels(100), returns=floats(1, 1, 1, 1))
        assert_close(got, in_channels(100 / 3**0.75))

    @hint("size // 2 channels on each side. Which channels are there beside channel 0?")
    def test_the_window_ends_at_the_borders(self, submission):
        "Seven channels of 1 with size=5: the windows hold 3, 4, 5, 5, 5, 4 and 3 of them."
        got = submission.call(
            "local_response_norm", in_channels(*[1] * 7), 5, 1.0, 1.0, 0.0, returns=floats()
        )
        assert_close(got, in_channels(*(1 / n for n in (3, 4, 5, 5, 5, 4, 3))))

    @hint("Channel i itself is in the middle of its window.")
    def test_the_window_is_centred(self, submission):
        "With size=3, a strong channel 3 of seven weakens channels 2 and 4 and itself, and no other."
        x = in_channels(1, 1, 1, 10, 1, 1, 1)
        got = submission.call("local_response_norm", x, 3, 1.0, 1.0, 1.0, returns=floats())
        assert_close(got, in_channels(1 / 3, 1 / 4, 1 / 103, 10 / 103, 1 / 103, 1 / 4, 1 / 3))

    @hint("The squares are only below the fraction line, and they have no sign.")
    def test_signs(self, submission):
        "-2 stays negative, and beside -4 it is as weak as beside 4."
        for other in (-4, 4):
            got = submission.call(
                "local_response_norm", in_channels(-2, other), 3, 1.0, 1.0, 0.0, returns=floats()
            )
            assert_close(got, in_channels(-0.1, other / 20))

    @hint("The whole denominator is raised to beta, k as well.")
    def test_beta_is_the_exponent_of_all_below(self, submission):
        "With beta=0.5 and k=7, one channel of 3 becomes 3 / (7 + 9) ** 0.5 = 0.75."
        got = submission.call("local_response_norm", in_channels(3), 1, 1.0, 0.5, 7.0, returns=floats())
        assert_close(got, in_channels(0.75))

    @hint("The window goes along axis 1 only: not over height, width or images.")
    def test_each_position_by_itself(self, submission, reference):
        "Neighbouring positions and other images do not matter: only the channels at the same position do."
        x = normal(2, 4, 3, 5).double()
        got = submission.call("local_response_norm", x, 3, 0.5, returns=floats(2, 4, 3, 5))
        assert_close(got, reference.local_response_norm(x, 3, 0.5))

    @hint("Operations of torch carry gradients; `.data`, `.detach()` and numpy cut them off.")
    def test_gradients_flow(self, submission, reference):
        "The gradient reaches a channel through its neighbours' denominators, too."
        x = normal(1, 6, 2, 2, seed=3).double().requires_grad_()
        out = reference.local_response_norm(x, 3, 0.3)
        cotangent = normal(*out.shape, seed=4).double()
        got = submission.vjp("local_response_norm", (x.detach(), 3, 0.3), (cotangent,))
        assert_close(got["args"][0], torch.autograd.grad(out, x, cotangent)[0], what="the gradient")

    def test_tensors_stay_on_their_device(self, submission, reference, device):
        "Maps on a device give maps on that device, and float32 stays float32."
        x = normal(1, 6, 2, 2)
        spec = array("torch", ("float32",), (1, 6, 2, 2), device=device)
        got = submission.call("local_response_norm", x.to(device), returns=spec)
        assert_close(got, reference.local_response_norm(x))

    @given(channels=st.integers(1, 9), half=st.integers(0, 4), seed=SEEDS)
    def test_agrees_with_the_definition(self, submission, reference, channels, half, seed):
        "For any number of channels and any odd size, also one that is larger than the number of channels."
        x = normal(1, channels, 1, 2, seed=seed).double()
        got = submission.call("local_response_norm", x, 2 * half + 1, 0.7, returns=floats(*x.shape))
        assert_close(got, reference.local_response_norm(x, 2 * half + 1, 0.7))


# Five images: right at the first guess, at the third, at the second, and twice at the first.
SCORES = torch.tensor([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.3, 0.2, 0.5], [0.6, 0.1, 0.3], [0.2, 0.1, 0.7]])
LABELS = torch.tensor([1, 1, 0, 0, 2])


@exercise("top_k_error", points=2)
class TestTopKError:
    @hint("`scores.argsort(dim=1, descending=True)` puts every image's classes in order, the best first.")
    def test_the_best_guess(self, submission):
        "With k=1 only the class with the highest score counts: here two of five images are wrong."
        assert_close(submission.call("top_k_error", SCORES, LABELS, returns=number(float)), 2 / 5)

    @hint("An image is right when its label is any of the first k.")
    def test_k_guesses(self, submission):
        "Two guesses leave one of the five images wrong, three guesses none."
        assert_close(submission.call("top_k_error", SCORES, LABELS, 2, returns=number(float)), 1 / 5)
        assert_close(submission.call("top_k_error", SCORES, LABELS, 3, returns=number(float)), 0.0)

    def test_logits_of_any_size(self, submission):
        "Scores may be logits: negative, or far from 1."
        scores = torch.tensor([[-5.0, -1.0, -3.0, -900.0], [100.0, 300.0, 200.0, -7.0]])
        labels = torch.tensor([2, 0])
        for k, error in ((1, 1.0), (2, 0.5), (3, 0.0)):
            got = submission.call("top_k_error", scores, labels, k, returns=number(float))
            assert_close(got, error, what=f"with k={k}")

    @hint(
        "`argsort` has an option `stable`: equal scores then stay in the order of their classes. It goes with names "
        "only: `dim=1`, not `1`."
    )
    def test_equal_scores_go_to_the_lower_class(self, submission):
        "40 classes with one score: the guesses are classes 0 to k - 1, right for k of the labels 0 to 19."
        scores, labels = torch.zeros(20, 40), torch.arange(20)
        for k in (1, 5, 20):
            got = submission.call("top_k_error", scores, labels, k, returns=number(float))
            assert_close(got, 1 - k / 20, what=f"with k={k}")

    @hint("Check k and the number of images before anything else.")
    def test_nonsense_is_refused(self, submission):
        "k = 0, k = 4 of three classes, and no images at all raise ValueError; k = 3 does not."
        for arguments in ((SCORES, LABELS, 0), (SCORES, LABELS, 4), (SCORES[:0], LABELS[:0], 1)):
            with submission.raises(ValueError):
                submission.call("top_k_error", *arguments)
        assert_close(submission.call("top_k_error", SCORES, LABELS, 3, returns=number(float)), 0.0)

    def test_tensors_may_be_on_another_device(self, submission, device):
        "Scores and labels on a device give a plain number all the same."
        got = submission.call("top_k_error", SCORES.to(device), LABELS.to(device), 2, returns=number(float))
        assert_close(got, 1 / 5)

    @given(
        rows=st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=5),
        labels=st.lists(st.integers(0, 5), min_size=5, max_size=5),
        k=st.integers(1, 6),
    )
    def test_agrees_with_the_definition(self, submission, reference, rows, labels, k):
        "For any scores, labels and k."
        scores, labels = torch.tensor(rows).float(), torch.tensor(labels[: len(rows)])
        got = submission.call("top_k_error", scores, labels, k, returns=number(float))
        assert_close(got, reference.top_k_error(scores, labels, k))


def crops_of(submission, images, size, seed=0, **options):
    """What `random_crop` gives, drawn from a new generator."""
    channels = images.shape[1]
    spec = array("torch", (str(images.dtype).removeprefix("torch."),), (len(images), channels, size, size))
    return submission.call(
        "random_crop", images, size, submission.create("seeded", seed), returns=spec, **options
    )


@exercise("random_crop", points=2)
class TestRandomCrop:
    @hint(
        "`image[:, top : top + size, left : left + size]`: all channels, some rows, some columns. And beware of "
        "`[p:-p]`, which is nothing at all for p = 0."
    )
    def test_crops_are_pieces_of_the_image(self, submission):
        "Every crop is `size` rows and columns of its image as they are, and of the same dtype."
        images = numbered(40, 3, 5, 6)
        crops = crops_of(submission, images, 4)
        for crop, corner in zip(crops, crops[:, 0, 0, 0].tolist(), strict=True):
            top, left = min(corner // 6, 1), min(corner % 6, 2)
            assert_equal(crop, images[0, :, top : top + 4, left : left + 4], what="a crop")

    @hint("Pieces of 4 of 6 columns begin at 0, 1 or 2. Which numbers does `torch.randint(n, ...)` draw?")
    def test_every_position_is_equally_likely(self, submission):
        "3,000 crops of 4 x 4 from 5 x 6 pixels: each of the 2 * 3 positions comes up about 500 times."
        crops = crops_of(submission, numbered(3000, 1, 5, 6), 4)
        counts = Counter(crops[:, 0, 0, 0].tolist())
        for corner in (0, 1, 2, 6, 7, 8):
            row, column = divmod(corner, 6)
            found = f"the position at row {row}, column {column} came up {counts[corner]} times of 3000"
            assert abs(counts[corner] - 500) < 110, f"{found}, expected about 500"

    @hint("Draw as many positions as there are images.")
    def test_each_image_has_a_position_of_its_own(self, submission):
        "In a batch of 30 images, the crops are not all from one position."
        crops = crops_of(submission, numbered(30, 1, 8, 8), 3)
        assert len(set(crops[:, 0, 0, 0].tolist())) > 5, "fewer than six positions for 30 images"

    @hint("`F.pad(images, (left, right, top, bottom))` puts zeros around the last two axes.")
    def test_padding_puts_zeros_around(self, submission):
        "Images of 3 x 3 ones with padding=1 give crops of 3 x 3 in nine positions, each with its zeros."
        crops = crops_of(submission, torch.ones(900, 2, 3, 3), 3, padding=1)
        padded = torch.zeros(5, 5)
        padded[1:4, 1:4] = 1
        places = [padded[top : top + 3, left : left + 3] for top in range(3) for left in range(3)]
        for number_, place in enumerate(places):
            count = int((crops == place).all(dim=(1, 2, 3)).sum())
            row, column = divmod(number_, 3)
            found = f"the crop at row {row}, column {column} of the padded image came up {count} times of 900"
            assert 45 < count < 160, f"{found}, expected about 100"

    @hint("Give `generator=generator` to what draws.")
    def test_chance_comes_from_the_generator(self, submission):
        "Generators with the same seed give the same crops, with another seed others."
        images = numbered(30, 1, 9, 9)
        first, same, other = (crops_of(submission, images, 4, seed) for seed in (1, 1, 2))
        assert_equal(same, first)
        assert not torch.equal(first, other), "two generators with different seeds gave the same crops"

    @hint("There is one position then. Among how many does your code draw?")
    def test_the_whole_image_is_a_crop(self, submission):
        "A crop of 4 x 4 from 4 x 4 pixels is the image."
        images = numbered(3, 2, 4, 4)
        assert_equal(crops_of(submission, images, 4), images)

    @hint("Compare size with height and width, after padding, and raise ValueError.")
    def test_too_small_images_are_refused(self, submission):
        "Images of 4 x 6 pixels have no crop of 5 x 5: ValueError. With padding=1 they have."
        for shape in ((2, 3, 4, 6), (2, 3, 6, 4)):
            generator = submission.create("seeded", 0)
            with submission.raises(ValueError):
                submission.call("random_crop", torch.zeros(shape), 5, generator)
            crops_of(submission, torch.zeros(shape), 5, padding=1)

    def test_tensors_stay_on_their_device(self, submission, device):
        "Images on a device give crops on that device, though the generator draws on the CPU."
        images = numbered(4, 1, 5, 5).to(device)
        generator = submission.create("seeded", 3)
        spec = array("torch", ("int64",), (4, 1, 5, 5), device=device)
        got = submission.call("random_crop", images, 5, generator, returns=spec)
        assert_equal(got, images.cpu())


def reflections_of(submission, images, seed=0):
    spec = array("torch", (str(images.dtype).removeprefix("torch."),), tuple(images.shape))
    generator = submission.create("seeded", seed)
    return submission.call("random_reflection", images, generator, returns=spec)


@exercise("random_reflection", points=1)
class TestRandomReflection:
    @hint("Left and right change places: that is the last axis.")
    def test_each_image_is_as_it_was_or_mirrored(self, submission):
        "Every image comes back as it is, or with its columns in the opposite order, and of the same dtype."
        images = numbered(40, 3, 2, 5)
        for out in reflections_of(submission, images):
            mirrored = int(out[0, 0, 0]) != 0
            expected = images[0].flip(-1) if mirrored else images[0]
            assert_equal(out, expected, what="an image")

    @hint(
        "`x[coin]` picks images where `coin` is True or False; where it is 0 or 1, it picks the images 0 and 1."
    )
    def test_half_of_them_are_mirrored(self, submission):
        "Of 2,000 images about half come back mirrored."
        out = reflections_of(submission, numbered(2000, 1, 1, 2))
        count = int((out[:, 0, 0, 0] == 1).sum())
        assert abs(count - 1000) < 115, f"{count} of 2000 images were mirrored"

    @hint("Give `generator=generator` to what draws, and let it draw for each image.")
    def test_chance_comes_from_the_generator(self, submission):
        "Generators with the same seed mirror the same images, with another seed others."
        images = numbered(40, 1, 2, 3)
        first, same, other = (reflections_of(submission, images, seed) for seed in (1, 1, 2))
        assert_equal(same, first)
        assert not torch.equal(first, other), "two generators with different seeds mirrored the same images"

    @hint("One coin for each image, not for each row, channel, or batch.")
    def test_images_stay_whole_and_apart(self, submission):
        "Each image keeps its place in the batch, whether it is mirrored or not."
        images = uniform(60, 2, 3, 4)
        out = reflections_of(submission, images)
        same, mirrored = ((out == one).all(dim=(1, 2, 3)) for one in (images, images.flip(-1)))
        strangers = int((~(same | mirrored)).sum())
        assert strangers == 0, f"{strangers} of 60 images are neither as they were nor mirrored"
        assert 8 < int(mirrored.sum()) < 52, f"{int(mirrored.sum())} of 60 images were mirrored"

    def test_tensors_stay_on_their_device(self, submission, device):
        "Images on a device give images on that device, though the generator draws on the CPU."
        images = torch.ones(4, 1, 2, 2).to(device)
        generator = submission.create("seeded", 3)
        got = submission.call(
            "random_reflection", images, generator, returns=floats(4, 1, 2, 2, device=device)
        )
        assert_equal(got, torch.ones(4, 1, 2, 2))


COMPONENTS = (array("torch", FLOATS, (3,)), array("torch", FLOATS, (3, 3)))


def coloured(count, side, seed=0):
    """Images whose colours vary in three directions, each with a variance of its own, around a mean."""
    mix = torch.tensor([[0.30, 0.20, 0.10], [0.05, -0.15, 0.15], [0.02, -0.02, -0.02]]).double()
    points = normal(count, side, side, 3, seed=seed).double() @ mix
    return (points + torch.tensor([0.3, 0.5, 0.9])).permute(0, 3, 1, 2).contiguous()


def assert_components(got, expected, rtol=5e-3):
    """A column may point either way; and whether one divides by n or n - 1 is left open."""
    assert_close(got[0], expected[0], rtol=rtol, atol=1e-6, what="the eigenvalues")
    signs = (got[1] * expected[1]).sum(0, keepdim=True).sign()
    assert_close(got[1] * signs, expected[1], rtol=1e-3, atol=1e-3, what="the directions, as columns")


@exercise("principal_colours", points=2)
class TestPrincipalColours:
    @hint(
        "The covariance is 3 x 3, a row and a column for each colour: for these pixels 0.25 in all nine places. Its "
        "largest eigenvalue comes first."
    )
    def test_black_and_white(self, submission):
        "Pixels half black, half white: the variance is 0.75 along (1, 1, 1) / 3 ** 0.5, and 0 otherwise."
        images = torch.tensor([0.0, 1.0]).double().repeat(128).reshape(1, 1, 16, 16).repeat(1, 3, 1, 1)
        values, directions = submission.call("principal_colours", images, returns=COMPONENTS)
        expected = torch.tensor([0.75, 0, 0])
        assert_close(values, expected, rtol=5e-3, atol=1e-6, what="the eigenvalues")
        first = directions[:, 0] * directions[0, 0].sign()
        assert_close(first, torch.full((3,), 3**-0.5), rtol=1e-3, what="the first column")

    @hint(
        "`torch.linalg.eigh` gives the smallest eigenvalue first. Its vectors have to be turned round, too."
    )
    def test_largest_first(self, submission):
        "Red varies a little, green most, blue hardly: the eigenvalues are those of green, red, blue."
        images = normal(2, 3, 20, 20).double() * torch.tensor([0.2, 0.3, 0.05]).double()[:, None, None]
        values, directions = submission.call("principal_colours", images, returns=COMPONENTS)
        assert_close(values, torch.tensor([0.09, 0.04, 0.0025]), rtol=0.15, what="the eigenvalues")
        expected = torch.tensor([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]])
        assert_close(directions.abs(), expected, atol=0.1, what="the directions without their signs")

    @hint("Column i is the direction of eigenvalue i. As rows they would be the transpose.")
    def test_directions_are_columns(self, submission, reference):
        "The covariance times column i is eigenvalue i times column i, and each column has length 1."
        images = coloured(2, 20)
        points = images.transpose(0, 1).flatten(1)
        points = points - points.mean(1, keepdim=True)
        covariance = points @ points.T / points.shape[1]
        values, directions = submission.call("principal_colours", images, returns=COMPONENTS)
        lengths = directions.double().square().sum(0)
        assert_close(lengths, torch.ones(3), rtol=1e-3, what="the squared lengths of the columns")
        turned = covariance @ directions.double()
        assert_close(
            turned, directions * values, rtol=1e-2, atol=2e-4, what="the covariance times the columns"
        )

    @hint("Subtract the mean colour first.")
    def test_the_mean_is_subtracted(self, submission, reference):
        "How bright the images are on average does not matter: images that are brighter by 2 give the same."
        images = coloured(2, 16)
        got = submission.call("principal_colours", images + 2, returns=COMPONENTS)
        assert_components(got, reference.principal_colours(images))

    @hint("The mean colour is that of the pixels of all images together.")
    def test_images_are_taken_together(self, submission):
        "A red and a black image, each of one colour: all the variance is between them, 0.25 along red."
        images = torch.zeros(2, 3, 16, 16).double()
        images[0, 0] = 1
        values, _ = submission.call("principal_colours", images, returns=COMPONENTS)
        assert_close(values, torch.tensor([0.25, 0, 0]), rtol=5e-3, atol=1e-6, what="the eigenvalues")

    @hint(
        "The channels are axis 1. `reshape` does not move axes: it would mix the colours of several images."
    )
    def test_a_pixel_is_a_red_a_green_and_a_blue(self, submission, reference):
        "The order of images, rows and columns does not matter: a pixel's three values belong together."
        images = coloured(3, 16)
        order = torch.randperm(3 * 256, generator=torch.Generator().manual_seed(1))
        points = images.transpose(0, 1).flatten(1)[:, order]
        shuffled = points.reshape(3, 3, 16, 16).transpose(0, 1).contiguous()
        expected = reference.principal_colours(images)
        for given_ in (images, shuffled):
            got = submission.call("principal_colours", given_, returns=COMPONENTS)
            assert_components(got, expected)

    @hint(
        "In float32 the mean of the squares minus the square of the mean cancels: subtract the mean colour first."
    )
    def test_a_million_pixels(self, submission, reference):
        "A million bright pixels that hardly vary, in float32: the variances are right to two percent."
        images = (0.9 + 0.05 * (coloured(4, 500) - 0.5)).float()
        values, _ = submission.call("principal_colours", images, returns=COMPONENTS)
        expected, _ = reference.principal_colours(images.double())
        assert_close(values, expected, rtol=2e-2, atol=0, what="the eigenvalues")

    def test_tensors_stay_on_their_device(self, submission, reference, device):
        "Images on a device give values and directions on that device; float32 stays float32."
        images = coloured(2, 16).float()
        spec = [array("torch", ("float32",), shape, device=device) for shape in ((3,), (3, 3))]
        values, directions = submission.call("principal_colours", images.to(device), returns=tuple(spec))
        assert_components((values.cpu(), directions.cpu()), reference.principal_colours(images), rtol=1e-2)

    @given(seed=SEEDS, height=st.integers(12, 20), width=st.integers(12, 20))
    def test_agrees_with_the_definition(self, submission, reference, seed, height, width):
        "For images of any colours, also where height and width differ."
        images = coloured(2, 20, seed=seed)[:, :, :height, :width].contiguous()
        got = submission.call("principal_colours", images, returns=COMPONENTS)
        assert_components(got, reference.principal_colours(images), rtol=1e-2)


VALUES = torch.tensor([4.0, 2.0, 1.0]).double()
# Orthogonal, and nothing like its own transpose.
DIRECTIONS = torch.tensor([[2.0, -2.0, 1.0], [1.0, 2.0, 2.0], [2.0, 1.0, -2.0]]).double() / 3


@exercise("shift_colours", points=1)
class TestShiftColours:
    @hint("0.25 * 4, 0.5 * 2 and -1 * 1.")
    def test_worked_example(self, submission):
        "With eigenvalues 4, 2, 1, red, green, blue as directions, and alphas 1/4, 1/2, -1, black becomes (1, 1, -1)."
        alphas = torch.tensor([[0.25, 0.5, -1.0]]).double()
        black = torch.zeros(1, 3, 1, 1).double()
        got = submission.call("shift_colours", black, VALUES, torch.eye(3).double(), alphas, returns=floats())
        assert_close(got, torch.tensor([1.0, 1.0, -1.0]).reshape(1, 3, 1, 1))

    @hint("p_i is column i of directions, so `directions[:, i]`.")
    def test_directions_are_columns(self, submission):
        "An alpha of 1 for the first component moves along the first column, here (2, 1, 2) / 3, by its eigenvalue 4."
        alphas = torch.tensor([[1.0, 0.0, 0.0]]).double()
        black = torch.zeros(1, 3, 1, 1).double()
        got = submission.call("shift_colours", black, VALUES, DIRECTIONS, alphas, returns=floats(1, 3, 1, 1))
        assert_close(got, torch.tensor([8.0, 4.0, 8.0]).reshape(1, 3, 1, 1) / 3)

    @hint("One colour for the whole image: not one for every pixel.")
    def test_all_pixels_move_alike(self, submission):
        "All pixels of an image move by one and the same colour, and what is to be seen stays."
        images = uniform(1, 3, 4, 5).double()
        alphas = torch.tensor([[0.1, -0.3, 0.2]]).double()
        got = submission.call("shift_colours", images, VALUES, DIRECTIONS, alphas, returns=floats(1, 3, 4, 5))
        colour = DIRECTIONS @ (alphas[0] * VALUES)
        moved = got - images
        assert_close(moved, colour[:, None, None].expand(1, 3, 4, 5), what="what was added")

    @hint("Image b has row b of alphas.")
    def test_each_image_has_its_own_alphas(self, submission, reference):
        "Two images with different alphas move by different colours."
        images, alphas = uniform(2, 3, 2, 3).double(), normal(2, 3).double()
        got = submission.call("shift_colours", images, VALUES, DIRECTIONS, alphas, returns=floats(2, 3, 2, 3))
        assert_close(got, reference.shift_colours(images, VALUES, DIRECTIONS, alphas))

    def test_values_may_leave_the_range(self, submission):
        "Nothing is cut off at 0 or 1: white that gets brighter is above 1."
        alphas = torch.tensor([[1.0, 1.0, -1.0]]).double()
        white = torch.ones(1, 3, 1, 1).double()
        got = submission.call("shift_colours", white, VALUES, torch.eye(3).double(), alphas, returns=floats())
        assert_close(got, torch.tensor([5.0, 3.0, 0.0]).reshape(1, 3, 1, 1))

    def test_tensors_stay_on_their_device(self, submission, reference, device):
        "Tensors on a device give images on that device."
        arguments = uniform(2, 3, 2, 2).double(), VALUES, DIRECTIONS, normal(2, 3).double()
        there = [tensor.to(device) for tensor in arguments]
        got = submission.call("shift_colours", *there, returns=floats(2, 3, 2, 2, device=device))
        assert_close(got, reference.shift_colours(*arguments))

    @given(count=st.integers(1, 4), height=st.integers(1, 4), width=st.integers(1, 4), seed=SEEDS)
    def test_agrees_with_the_definition(self, submission, reference, count, height, width, seed):
        "For any images and alphas."
        images, alphas = (
            uniform(count, 3, height, width, seed=seed).double(),
            normal(count, 3, seed=seed).double(),
        )
        got = submission.call(
            "shift_colours", images, VALUES, DIRECTIONS, alphas, returns=floats(*images.shape)
        )
        assert_close(got, reference.shift_colours(images, VALUES, DIRECTIONS, alphas))


def ten(submission, images, size):
    spec = array("torch", ("int64",), (len(images), 10, images.shape[1], size, size))
    return submission.call("ten_crops", images, size, returns=spec)


@exercise("ten_crops", points=1)
class TestTenCrops:
    @hint("`images[..., :size, -size:]` has the first rows and the last columns.")
    def test_the_corners_come_first(self, submission):
        "Crops 0 to 3 are the corners: top left, top right, bottom left, bottom right."
        images = numbered(1, 3, 5, 7)
        corners = [(slice(0, 3), slice(0, 3)), (slice(0, 3), slice(4, 7)), (slice(2, 5), slice(0, 3))]
        corners.append((slice(2, 5), slice(4, 7)))
        got = ten(submission, images, 3)
        for place, (rows, columns) in enumerate(corners):
            assert_equal(got[0, place], images[0, :, rows, columns], what=f"crop {place}")

    @hint("`center_crop` does that.")
    def test_the_middle_is_the_fifth(self, submission):
        "Crop 4 is the middle."
        images = numbered(1, 1, 7, 9)
        assert_equal(ten(submission, images, 3)[0, 4], images[0, :, 2:5, 3:6], what="crop 4")

    @hint("Mirror the five crops; do not crop the mirrored image, which would change the order.")
    def test_the_other_five_are_mirrored(self, submission):
        "Crops 5 to 9 are crops 0 to 4, each mirrored left to right."
        images = numbered(1, 2, 6, 8)
        got = ten(submission, images, 4)
        for place in range(5):
            assert_equal(got[0, 5 + place], got[0, place].flip(-1), what=f"crop {5 + place}")
        assert_equal(got[0, 5, 0], images[0, 0, :4, :4].flip(-1), what="crop 5")

    @hint("`torch.stack(crops, dim=1)` puts a new axis behind the images.")
    def test_images_come_before_crops(self, submission, reference):
        "Of three images, the result has three times ten crops: [3, 10, C, size, size]."
        images = numbered(3, 2, 5, 5) + 1000 * torch.arange(3)[:, None, None, None]
        assert_equal(ten(submission, images, 3), reference.ten_crops(images, 3))

    @hint("`images[..., -size:]` gives fewer than size columns without a word when there are fewer.")
    def test_too_small_images_are_refused(self, submission):
        "Images of 4 x 6 pixels have no crops of 5 x 5: ValueError. They have crops of 4 x 4."
        for shape in ((1, 3, 4, 6), (1, 3, 6, 4)):
            with submission.raises(ValueError):
                submission.call("ten_crops", torch.zeros(shape), 5)
            ten(submission, torch.zeros(shape, dtype=torch.int64), 4)

    def test_tensors_stay_on_their_device(self, submission, reference, device):
        "Images on a device give crops on that device."
        images = numbered(1, 1, 4, 4)
        spec = array("torch", ("int64",), (1, 10, 1, 2, 2), device=device)
        got = submission.call("ten_crops", images.to(device), 2, returns=spec)
        assert_equal(got, reference.ten_crops(images, 2))

    @given(half=st.integers(1, 2), rows=st.integers(0, 2), columns=st.integers(0, 2))
    def test_agrees_with_the_definition(self, submission, reference, half, rows, columns):
        "For images of any height and width."
        images = numbered(2, 1, 2 * (half + rows), 2 * (half + columns))
        assert_equal(ten(submission, images, 2 * half), reference.ten_crops(images, 2 * half))


@exercise("average_probabilities", points=1)
class TestAverageProbabilities:
    @hint("First make probabilities of each crop's logits, then take the mean.")
    def test_one_sure_crop_does_not_outvote_nine(self, submission):
        "Nine crops are a little for class 0, one is very much for class 1: class 0 wins with 0.658."
        logits = torch.tensor([[1.0, 0.0]] * 9 + [[0.0, 60.0]]).double()[None]
        got = submission.call("average_probabilities", logits, returns=floats(1, 2))
        assert_close(got, torch.tensor([[0.657953, 0.342047]]), rtol=1e-4)

    def test_rows_sum_to_one(self, submission):
        "The classes' probabilities of an image sum to 1."
        got = submission.call("average_probabilities", normal(3, 10, 5).double(), returns=floats(3, 5))
        assert_close(got.sum(1), torch.ones(3), what="the sums of the rows")

    @hint("Axis 0 is the images, axis 1 the crops, axis 2 the classes.")
    def test_axes(self, submission, reference):
        "The classes compete within each crop; the mean is over an image's crops, not over images."
        logits = 3 * normal(2, 4, 3).double()
        got = submission.call("average_probabilities", logits, returns=floats(2, 3))
        assert_close(got, reference.average_probabilities(logits))

    def test_a_single_crop_is_its_softmax(self, submission):
        "With one crop there is nothing to average: logits 0 and ln 3 give 1/4 and 3/4."
        logits = torch.log(torch.tensor([[[1.0, 3.0]]]).double())
        got = submission.call("average_probabilities", logits, returns=floats(1, 2))
        assert_close(got, torch.tensor([[0.25, 0.75]]))

    @hint("e ** 1000 is too large for a float. PyTorch's softmax knows what to do about that.")
    def test_large_logits(self, submission):
        "Logits of 1000 and 0 give 1 and 0, not NaN."
        logits = torch.tensor([[[1000.0, 0.0], [1000.0, 0.0]]])
        got = submission.call("average_probabilities", logits, returns=floats(1, 2))
        assert_close(got, torch.tensor([[1.0, 0.0]]))

    def test_tensors_stay_on_their_device(self, submission, reference, device):
        "Logits on a device give probabilities on that device; float32 stays float32."
        logits = normal(1, 10, 3)
        spec = array("torch", ("float32",), (1, 3), device=device)
        got = submission.call("average_probabilities", logits.to(device), returns=spec)
        assert_close(got, reference.average_probabilities(logits))

    @given(images=st.integers(1, 3), crops=st.integers(1, 12), classes=st.integers(2, 5), seed=SEEDS)
    def test_agrees_with_the_definition(self, submission, reference, images, crops, classes, seed):
        "For any numbers of images, crops and classes."
        logits = 4 * normal(images, crops, classes, seed=seed).double()
        got = submission.call("average_probabilities", logits, returns=floats(images, classes))
        assert_close(got, reference.average_probabilities(logits))
