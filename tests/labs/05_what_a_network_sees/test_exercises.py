"""Graded tests of lab 05. A docstring is what the student reads when its test fails: what should hold.

Networks live with the submission: the tests build them there, small ones, through the names that the notebook
imports (`vgg`, `alexnet`), and put the weights of their own twins in.
"""

import functools

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cnncourse.classification import alexnet, vgg
from cnncourse.grading import array, assert_close, assert_equal, exercise, handle, hint, number

SEEDS = st.integers(0, 2**31 - 1)


def random_numbers(seed, *shape, dtype=torch.float32):
    """Numbers from a normal distribution, the same ones for the same seed."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def on(device, *tensors):
    """The tensors there; one alone is not in a tuple."""
    moved = tuple(None if tensor is None else tensor.to(device) for tensor in tensors)
    return moved[0] if len(moved) == 1 else moved


# ------------------------------------------------------------------------------------- filters as pictures
def pictures(shape, device=None):
    return array("torch", ("uint8",), shape, device=device)


@exercise("filters_as_images", points=2)
class TestFiltersAsImages:
    @hint("127.5 + 127.5 * v / max|v|, rounded to the nearest whole number and not cut off.")
    def test_worked_example(self, submission):
        "The weights 2, 1, 0, -0.6 and -2 of one filter become 255, 191, 128, 89 and 0."
        weight = torch.tensor([2.0, 1.0, 0.0, -0.6, -2.0]).reshape(1, 1, 1, 5)
        got = submission.call("filters_as_images", weight, returns=pictures((1, 1, 5, 1)))
        assert_equal(got.flatten(), np.array([255, 191, 128, 89, 0], np.uint8))

    @hint("Zero has to come out at 128 in every filter. Is it the smallest value that became 0?")
    def test_zero_is_grey(self, submission):
        "In a filter that is nowhere negative zero is 128, the grey in the middle, and nothing is darker."
        weight = torch.tensor([0.0, 1.0, 4.0]).reshape(1, 1, 1, 3)
        got = submission.call("filters_as_images", weight, returns=pictures((1, 1, 3, 1)))
        assert_equal(got.flatten(), np.array([128, 159, 255], np.uint8))

    @hint(
        "`amax` takes several axes at once: one largest absolute value for each filter, not for all of them."
    )
    def test_each_filter_has_its_own_range(self, submission):
        "A filter a hundred times weaker than another gives the same picture."
        weight = random_numbers(0, 1, 3, 2, 2)
        expected = submission.call("filters_as_images", weight, returns=pictures((1, 2, 2, 3)))
        both = torch.cat([100 * weight, weight])
        got = submission.call("filters_as_images", both, returns=pictures((2, 2, 2, 3)))
        assert_close(got.int(), expected.expand(2, 2, 2, 3).int(), atol=1)

    @hint("One largest value for the whole filter, over its channels too: else its colours change.")
    def test_channels_share_one_range(self, submission):
        "A filter with red weights of 1 and blue weights of -0.5 has red at 255, green at 128, blue at 64."
        weight = torch.tensor([1.0, 0.0, -0.5]).reshape(1, 3, 1, 1)
        got = submission.call("filters_as_images", weight, returns=pictures((1, 1, 1, 3)))
        assert_equal(got.flatten(), np.array([255, 128, 64], np.uint8))

    @hint("Dividing by a largest value of 0 gives NaN: divide by something else there.")
    def test_a_filter_of_zeros_is_grey(self, submission):
        "A filter of zeros is 128 all over, and the filter beside it is as it should be."
        weight = torch.zeros(2, 1, 1, 2)
        weight[1, 0, 0, 1] = -3
        got = submission.call("filters_as_images", weight, returns=pictures((2, 1, 2, 1)))
        assert_equal(got.flatten(), np.array([128, 128, 128, 0], np.uint8))

    @hint("`permute` puts the axes into another order: [N, C, h, w] to [N, h, w, C]. Rows stay rows.")
    def test_channels_come_last(self, submission):
        "Two filters of 3 channels, 2 rows and 4 columns become two images of 2 rows, 4 columns, 3 channels."
        weight = random_numbers(1, 2, 3, 2, 4)
        weight[:, 0, 0, 0] = 5  # the largest
        got = submission.call("filters_as_images", weight, returns=pictures((2, 2, 4, 3)))
        expected = np.rint(127.5 + 25.5 * weight.numpy().transpose(0, 2, 3, 1))
        assert_close(got.int(), expected.astype(np.int64), atol=1)

    @hint("A layer's weight requires gradients: `.detach()` gives the same values without.")
    def test_weights_of_a_layer(self, submission, device):
        "A weight that requires gradients, as a layer has it, gives a picture on the same device."
        weight = random_numbers(2, 4, 3, 3, 3).to(device).requires_grad_()
        got = submission.call("filters_as_images", weight, returns=pictures((4, 3, 3, 3), device))
        assert_equal((got.flatten(1).amax(1) == 255) | (got.flatten(1).amin(1) == 0), torch.ones(4) > 0)

    @given(seed=SEEDS, size=st.tuples(*[st.integers(1, 4)] * 4))
    def test_agrees_with_the_definition(self, submission, reference, seed, size):
        "For any weights every value is 127.5 + 127.5 * v / max|v|, rounded."
        weight = random_numbers(seed, *size)
        n, c, h, w = size
        got = submission.call("filters_as_images", weight, returns=pictures((n, h, w, c)))
        assert_close(got.int(), reference.filters_as_images(weight).int(), atol=1)


# ------------------------------------------------------------------------------------------- feature maps
SMALL = {"depth": [(4, 1), (6, 2)], "hidden": (5,), "classes": 3, "input_size": 8, "batch_norm": True}
# features: 0 Conv2d, 1 BatchNorm2d, 2 ReLU, 3 MaxPool2d, 4 Conv2d, 5 BatchNorm2d, 6 ReLU, 7 Conv2d, ... 10 MaxPool2d


@functools.cache
def twin(name, seed=0, **options):
    """A small network on this side, with lively weights, biases and running statistics, in evaluation mode."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        model = vgg(**SMALL) if name == "vgg" else alexnet(width=0.08, input_size=64, hidden=(5,), classes=3)
    for place, (key, value) in enumerate(sorted(model.state_dict().items())):
        if value.is_floating_point():
            noise = random_numbers(1000 * seed + place, *value.shape)
            value.copy_({"running_var": 0.5 + noise.abs()}.get(key.rpartition(".")[2], noise / 3))
    return model.eval()


def there(submission, name, device="cpu"):
    """The same network with the submission: a handle. It is in training mode."""
    if name == "vgg":
        model = submission.create("vgg", **SMALL)
    else:
        model = submission.create("alexnet", width=0.08, input_size=64, hidden=(5,), classes=3)
    model.load_state_dict(dict(twin(name).state_dict()))
    return model.call("to", device, returns=handle())  # by the name of its class, as functions will know it


def seen(name, images, layers):
    """What the first ``layers`` of a twin's features give."""
    x = images
    with torch.no_grad():
        for part in twin(name).features[:layers]:
            x = part(x.clone())
    return x


@exercise("feature_maps", points=3)
class TestFeatureMaps:
    @hint("A forward hook gets (module, arguments, output): keep the output, then run the whole model.")
    def test_a_layer_in_the_middle(self, submission):
        "The map of a layer is what the layers up to it give, for each image of the batch."
        images, model = random_numbers(3, 3, 3, 8, 8), there(submission, "vgg")
        model.call("eval")
        got = submission.call(
            "feature_maps", model, images, "features.3", returns=array("torch", ("float32",), (3, 4, 4, 4))
        )
        assert_close(got, seen("vgg", images, 4), rtol=1e-3, atol=1e-5)

    @hint("The ReLU behind the layer works in place and writes over the output that the hook got: copy it.")
    def test_what_comes_behind_does_not_show(self, submission):
        "The map of a layer before a ReLU has its negative values still."
        images, model = random_numbers(4, 2, 3, 64, 64), there(submission, "alexnet")
        model.call("eval")
        got = submission.call("feature_maps", model, images, "features.4", returns=array("torch"))
        assert_close(got, seen("alexnet", images, 5), rtol=1e-3, atol=1e-5)

    @hint("`with evaluating(model):` puts the model into evaluation mode for the length of the block.")
    def test_evaluation_mode(self, submission):
        "A model that is in training mode is run in evaluation mode, and its running statistics stay."
        images, model = random_numbers(5, 2, 3, 8, 8), there(submission, "vgg")
        got = submission.call("feature_maps", model, images, "features.10", returns=array("torch"))
        assert_close(got, seen("vgg", images, 11), rtol=1e-3, atol=1e-5)
        expected = twin("vgg").state_dict()["features.1.running_mean"]
        assert_close(model.state_dict()["features.1.running_mean"], expected, what="running_mean")

    @hint("`with evaluating(model):` gives every part its own mode back.")
    def test_the_mode_is_given_back(self, submission):
        "Afterwards a model is in training mode if it was before, and a part in evaluation mode stays there."
        images, model = random_numbers(6, 1, 3, 8, 8), there(submission, "vgg")
        part = model.call("get_submodule", "features.1", returns=handle())
        part.call("eval")
        submission.call("feature_maps", model, images, "features.0")
        modes = [model.get("training"), part.get("training")]
        assert_equal(modes, [True, False], what="training of the model, and of features.1")
        model.call("eval")
        submission.call("feature_maps", model, images, "features.0")
        assert_equal(model.get("training"), False, what="training of the model")

    @hint("`register_forward_hook` returns a handle; call its `remove()` when the model has run.")
    def test_no_hook_is_left(self, submission):
        "Afterwards the model has no hooks: `hooks_of(model)` is 0."
        images, model = random_numbers(7, 1, 3, 8, 8), there(submission, "vgg")
        submission.call("feature_maps", model, images, "features.3", returns=array("torch"))
        left = submission.call("hooks_of", model=model, returns=number(int))
        assert_equal(left, 0, what="hooks")

    @hint("What stands in `finally:` happens whether the lines in `try:` raise an error or not.")
    def test_no_hook_is_left_after_an_error(self, submission):
        "Images with 5 channels raise an error in the model, and then, too, no hook is left behind."
        model = there(submission, "vgg")
        with submission.raises(RuntimeError):
            submission.call("feature_maps", model, torch.zeros(1, 5, 8, 8), "features.0")
        left = submission.call("hooks_of", model=model, returns=number(int))
        assert_equal(left, 0, what="hooks")

    @hint("Any name in `model.named_modules()`: `model.get_submodule(layer)` finds the module.")
    def test_any_layer_by_its_name(self, submission, device):
        "Layers outside `features` have maps, too; they are on the device of the model, and without gradients."
        images, model = random_numbers(8, 2, 3, 8, 8), there(submission, "vgg", device)
        spec = array("torch", ("float32",), device=device)
        images = images.to(device)
        got = submission.call("feature_maps", model, images, "classifier.0", returns=spec)
        expected = twin("vgg").classifier[0](seen("vgg", images.cpu(), 11).flatten(1))
        assert_close(got, expected, rtol=1e-3, atol=1e-5)
        assert_equal(got.requires_grad, False, what="requires_grad of the maps")
        got = submission.call("feature_maps", model, images, "features", returns=spec)
        assert_close(got, seen("vgg", images.cpu(), 11), rtol=1e-3, atol=1e-5)


# -------------------------------------------------------------------------------------- strongest responses
def responses(device=None):
    return tuple(
        array("torch", (dtype,), (None,), device=device) for dtype in ("float32", "int64", "int64", "int64")
    )


def assert_responses(got, expected):
    for what, one, other in zip(("values", "images", "rows", "columns"), got, expected, strict=True):
        assert_equal(one, other, what=f"the {what}")


@exercise("strongest_responses", points=3)
class TestStrongestResponses:
    def ask(self, submission, maps, count, device=None):
        return submission.call("strongest_responses", maps, count, returns=responses(device))

    def test_strongest_first(self, submission):
        "Of four images whose largest values are 2, 9, 4 and 7, the three strongest are 1, 3 and 2."
        maps = torch.tensor([2.0, 9, 4, 7])[:, None, None] - torch.tensor([[3.0, 0], [1, 2]])
        expected = torch.tensor([9.0, 7, 4]), torch.tensor([1, 3, 2]), torch.zeros(3), torch.ones(3)
        assert_responses(self.ask(submission, maps, 3), expected)

    @hint("Find each image's strongest position first, then sort the images.")
    def test_an_image_counts_once(self, submission):
        "An image with the five strongest responses of all stands in the list once, with the strongest."
        maps = torch.zeros(3, 2, 3)
        maps[1] = torch.tensor([[50.0, 60, 70], [80, 90, 40]])
        maps[2, 0, 2], maps[0, 1, 0] = 3, 2
        expected = torch.tensor([90.0, 3, 2]), torch.tensor([1, 2, 0]), *torch.tensor([[1, 0, 1], [1, 2, 0]])
        assert_responses(self.ask(submission, maps, 3), expected)

    @hint("In reading order, position p of a map with w columns is in row p // w and column p % w.")
    def test_rows_and_columns(self, submission):
        "In a map of 3 rows and 5 columns a maximum at the end of the second row is in row 1, column 4."
        maps = torch.zeros(2, 3, 5)
        maps[1, 1, 4], maps[0, 2, 3] = 8, 6
        expected = torch.tensor([8.0, 6]), *torch.tensor([[1, 0], [1, 2], [4, 3]])
        assert_responses(self.ask(submission, maps, 2), expected)

    @hint("Most ways of sorting shuffle equal values: `argsort` takes stable=True.")
    def test_ties_go_to_the_lower_image(self, submission):
        "Among a hundred images with three different responses, equal ones stand in the order of the images."
        maps = (torch.arange(100.0) % 3)[:, None, None].expand(100, 2, 2).clone()
        _, images, _, _ = self.ask(submission, maps, 60)
        assert_equal(images, np.r_[2:100:3, 1:81:3], what="the images")

    def test_ties_in_an_image_go_to_the_upper_left(self, submission):
        "Of equal values in one map the upper row counts, and in one row the left column."
        maps = torch.zeros(2, 3, 4)
        maps[0, 1, 3] = maps[0, 2, 0] = 5
        maps[1, 1, 2] = maps[1, 1, 1] = 4
        expected = torch.tensor([5.0, 4]), *torch.tensor([[0, 1], [1, 1], [3, 1]])
        assert_responses(self.ask(submission, maps, 2), expected)

    @hint("The strongest is the largest: -1 is stronger than -4. Does something start at 0?")
    def test_responses_below_zero(self, submission):
        "Where all responses are negative, the strongest is the one nearest to zero."
        maps = torch.tensor([[[-4.0, -2]], [[-1, -9]], [[-3, -8]]])
        expected = torch.tensor([-1.0, -2]), *torch.tensor([[1, 0], [0, 0], [0, 1]])
        assert_responses(self.ask(submission, maps, 2), expected)

    def test_more_than_there_are(self, submission):
        "Asked for 5 of 3 images, it gives all 3, the strongest first."
        maps = torch.tensor([[[1.0]], [[3.0]], [[2.0]]])
        expected = torch.tensor([3.0, 2, 1]), torch.tensor([1, 2, 0]), torch.zeros(3), torch.zeros(3)
        assert_responses(self.ask(submission, maps, 5), expected)

    @hint(
        "What is made with torch.zeros or torch.tensor lies on the CPU unless you say `device=maps.device`."
    )
    def test_tensors_stay_where_they_are(self, submission, device):
        "The four results are on the device of the maps."
        maps = torch.tensor([[[1.0, 5]], [[7, 3]]])
        expected = torch.tensor([7.0, 5]), *torch.tensor([[1, 0], [0, 0], [0, 1]])
        assert_responses(self.ask(submission, on(device, maps), 2, device), expected)

    @given(seed=SEEDS, size=st.tuples(*[st.integers(1, 4)] * 3), count=st.integers(1, 5))
    def test_agrees_with_the_definition(self, submission, reference, seed, size, count):
        "For any maps, with and without equal values."
        maps = random_numbers(seed, *size).mul(2).round()
        assert_responses(self.ask(submission, maps, count), reference.strongest_responses(maps, count))


# -------------------------------------------------------------------------------------------------- patches
def counting(channels, height, width):
    """An image whose values tell where they come from: channel, row and column are the digits."""
    c, y, x = torch.meshgrid(*(torch.arange(n) for n in (channels, height, width)), indexing="ij")
    return (100.0 * c + 10 * y + x) + 1000


def patch_spec(size, device=None):
    return array("torch", ("float32",), (3, size, size), device=device)


@exercise("patch", points=3)
class TestPatch:
    @hint("A row r sees the pixels from start + r * stride on, `size` of them; columns do the same.")
    def test_inside_the_image(self, submission):
        "With size 3, stride 2 and start 1, position (1, 2) sees rows 3 to 5 and columns 5 to 7."
        image = counting(3, 8, 9)
        got = submission.call("patch", image, (3, 2, 1), 1, 2, returns=patch_spec(3))
        assert_equal(got, image[:, 3:6, 5:8])

    @hint("A negative index counts from the other end in Python. Compare with 0 before you cut.")
    def test_over_the_upper_left_border(self, submission):
        "With start -2, position (0, 0) sees two rows and two columns that are not there: they are 0.5."
        image = counting(3, 6, 7)
        got = submission.call("patch", image, (4, 3, -2), 0, 0, returns=patch_spec(4))
        expected = torch.full((3, 4, 4), 0.5)
        expected[:, 2:, 2:] = image[:, :2, :2]
        assert_equal(got, expected)

    @hint("A slice that ends behind the image is shorter than it looks: the patch keeps its size.")
    def test_over_the_lower_right_border(self, submission):
        "At the lower right border the image stands in the upper left of the patch, with 0.5 around it."
        image = counting(3, 6, 7)
        got = submission.call("patch", image, (4, 2, 0), 2, 3, returns=patch_spec(4))
        expected = torch.full((3, 4, 4), 0.5)
        expected[:, :2, :1] = image[:, 4:, 6:]
        assert_equal(got, expected)

    def test_larger_than_the_image(self, submission):
        "A field of 9 pixels around an image of 3 x 4 shows all of it, with 0.5 on every side."
        image = counting(3, 3, 4)
        got = submission.call("patch", image, (9, 4, -3), 0, 0, returns=patch_spec(9))
        expected = torch.full((3, 9, 9), 0.5)
        expected[:, 3:6, 3:7] = image
        assert_equal(got, expected)

    def test_the_outside_is_a_choice(self, submission):
        "What lies outside has the value `outside`, -1 for example."
        image = counting(3, 4, 4)
        got = submission.call("patch", image, (3, 1, -1), 0, 3, outside=-1.0, returns=patch_spec(3))
        expected = torch.full((3, 3, 3), -1.0)
        expected[:, 1:, :2] = image[:, :2, 2:]
        assert_equal(got, expected)

    def test_tensors_stay_where_they_are(self, submission, device):
        "The patch is on the device of the image."
        image = counting(3, 5, 5)
        got = submission.call("patch", on(device, image), (3, 1, -1), 0, 2, returns=patch_spec(3, device))
        expected = torch.full((3, 3, 3), 0.5)
        expected[:, 1:] = image[:, :2, 1:4]
        assert_equal(got, expected)

    @given(
        size=st.tuples(st.integers(2, 9), st.integers(2, 9)),
        field=st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(-3, 1)),
        position=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    )
    def test_agrees_with_the_definition(self, submission, reference, size, field, position):
        "For any field and any position whose field reaches into the image."
        image = counting(3, *size)
        for extent, place in zip(size, position, strict=True):
            first = field[2] + place * field[1]
            if first >= extent or first + field[0] <= 0:
                return  # it sees nothing of the image
        got = submission.call("patch", image, field, *position, returns=patch_spec(field[0]))
        assert_equal(got, reference.patch(image, field, *position))


# ------------------------------------------------------------------------------------- pooling with switches
# The lecture's map: its maxima are 5, 6, 7 and 8.
MAP = torch.tensor([[1.0, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]])[None, None]


def pooled(device=None):
    return array("torch", ("float32",), device=device), array("torch", ("int64",), device=device)


def assert_pooled(got, expected):
    assert_equal(got[0], expected[0], what="the maxima")
    assert_equal(got[1], expected[1], what="the switches")


def values_in_confusion(seed, *shape):
    """Numbers that are all different, in the order of a shuffle."""
    count = int(np.prod(shape))
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return (order.float() - count // 2).reshape(shape)


@exercise("pool_with_switches", points=2)
class TestPoolWithSwitches:
    @hint("A switch is a place in the whole map, row * W + column, not a place in its window.")
    def test_worked_example(self, submission):
        "The lecture's 4x4 map gives 5, 6, 7, 8, which stood at the places 5, 2, 12 and 15."
        got = submission.call("pool_with_switches", MAP, 2, 2, returns=pooled())
        assert_pooled(got, (torch.tensor([[[[5.0, 6], [7, 8]]]]), torch.tensor([[[[5, 2], [12, 15]]]])))

    @hint("Rows are as long as x is wide: row * W + column with the W of x.")
    def test_maps_that_are_not_square(self, submission):
        "In a map of 2 rows and 6 columns the switches count 6 places a row."
        x = torch.tensor([[0.0, 0, 0, 7, 0, 0], [0, 9, 0, 0, 8, 0]])[None, None]
        got = submission.call("pool_with_switches", x, 2, 2, returns=pooled())
        assert_pooled(got, (torch.tensor([[[[9.0, 7, 8]]]]), torch.tensor([[[[7, 3, 10]]]])))

    def test_each_channel_and_image_by_itself(self, submission, reference):
        "Two images of three channels: the places are counted from 0 in each channel of each image."
        x = values_in_confusion(0, 2, 3, 4, 6)
        got = submission.call("pool_with_switches", x, 2, 2, returns=pooled())
        assert_pooled(got, reference.pool_with_switches(x, 2, 2))

    def test_overlapping_windows(self, submission):
        "Windows of 3 with a stride of 2, as AlexNet has them: one maximum may win in several."
        x = torch.zeros(1, 1, 5, 5)
        x[0, 0, 2, 2], x[0, 0, 0, 4] = 9, 10
        got = submission.call("pool_with_switches", x, 3, 2, returns=pooled())
        assert_pooled(got, (torch.tensor([[[[9.0, 10], [9, 9]]]]), torch.tensor([[[[12, 4], [12, 12]]]])))

    def test_equal_maxima(self, submission):
        "Of equal maxima the first in reading order is the switch."
        x = torch.tensor([[3.0, 1, 2, 2], [3, 3, 2, 2]])[None, None]
        got = submission.call("pool_with_switches", x, 2, 2, returns=pooled())
        assert_pooled(got, (torch.tensor([[[[3.0, 2]]]]), torch.tensor([[[[0, 2]]]])))

    @hint("A pixel of the padding is never the maximum: it counts as minus infinity, not as 0.")
    def test_padding(self, submission, reference):
        "With padding 1 and nothing but negative values, the maxima are negative and stand inside x."
        x = values_in_confusion(1, 1, 2, 4, 6) - 100
        got = submission.call("pool_with_switches", x, 3, 2, 1, returns=pooled())
        assert_pooled(got, reference.pool_with_switches(x, 3, 2, 1))

    def test_a_last_window_that_sticks_out(self, submission, reference):
        "With ceil a map of 6 rows and 5 columns has 3 x 2 windows of 3 with a stride of 2; without, 2 x 2."
        x = values_in_confusion(2, 1, 2, 6, 5)
        for ceil in (True, False):
            got = submission.call("pool_with_switches", x, 3, 2, ceil=ceil, returns=pooled())
            assert_pooled(got, reference.pool_with_switches(x, 3, 2, ceil=ceil))

    def test_tensors_stay_where_they_are(self, submission, device):
        "Both results are on the device of x."
        got = submission.call("pool_with_switches", on(device, MAP), 2, 2, returns=pooled(device))
        assert_pooled(got, (torch.tensor([[[[5.0, 6], [7, 8]]]]), torch.tensor([[[[5, 2], [12, 15]]]])))

    @given(
        seed=SEEDS,
        size=st.tuples(st.integers(3, 7), st.integers(3, 7)),
        window=st.sampled_from([(2, 2), (3, 2), (3, 3), (2, 1), (3, 1)]),
    )
    def test_agrees_with_the_definition(self, submission, reference, seed, size, window):
        "For maps and windows of any size."
        x = values_in_confusion(seed, 2, 2, *size)
        got = submission.call("pool_with_switches", x, *window, returns=pooled())
        assert_pooled(got, reference.pool_with_switches(x, *window))


# -------------------------------------------------------------------------------------------------- unpooling
def switches_and_values(seed, size, window):
    """Maxima and switches of a random map, and other values to send back."""
    x = values_in_confusion(seed, 2, 2, *size)
    _, switches = nn.functional.max_pool2d(x, *window, return_indices=True)
    return values_in_confusion(seed + 1, *switches.shape), switches


@exercise("unpool", points=2)
class TestUnpool:
    def ask(self, submission, values, switches, height, width, device=None):
        spec = array("torch", ("float32",), (*values.shape[:2], height, width), device=device)
        return submission.call("unpool", values, switches, height, width, returns=spec)

    @hint("Place s of the map is in row s // width and column s % width; `scatter_add_` works on flat maps.")
    def test_worked_example(self, submission):
        "With the switches 5, 2, 12 and 15 the values 1, 2, 3, 4 return to where the lecture has them."
        values, switches = torch.tensor([[[[1.0, 2], [3, 4]]]]), torch.tensor([[[[5, 2], [12, 15]]]])
        expected = torch.tensor([[0.0, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 0], [3, 0, 0, 4]])[None, None]
        assert_equal(self.ask(submission, values, switches, 4, 4), expected)

    @hint("Where a value goes is decided by its switch, and not by where it stands.")
    def test_the_switches_decide(self, submission):
        "The same four values with other switches stand in other places."
        values = torch.tensor([[[[1.0, 2], [3, 4]]]])
        for switches in ([[0, 3], [8, 11]], [[5, 7], [13, 15]], [[4, 6], [9, 14]]):
            places = torch.tensor([[switches]])
            expected = torch.zeros(16)
            expected[places.flatten()] = values.flatten()
            got = self.ask(submission, values, places, 4, 4)
            assert_equal(got, expected.reshape(1, 1, 4, 4))

    @hint(
        "Two values with the same switch are added up: `scatter_add_` does that, `=` and `scatter_` do not."
    )
    def test_a_shared_maximum(self, submission):
        "Where windows overlap, several values may come back to one place: 1 + 2 + 4 is 7."
        values = torch.tensor([[[[1.0, 2], [4, 8]]]])
        switches = torch.tensor([[[[12, 12], [12, 24]]]])
        expected = torch.zeros(1, 1, 5, 5)
        expected[0, 0, 2, 2], expected[0, 0, 4, 4] = 7, 8
        assert_equal(self.ask(submission, values, switches, 5, 5), expected)

    @hint("Rows are `width` places long.")
    def test_maps_that_are_not_square(self, submission):
        "In a map of 2 rows and 6 columns the switch 7 is row 1, column 1."
        values, switches = torch.tensor([[[[9.0, 7, 8]]]]), torch.tensor([[[[7, 3, 10]]]])
        expected = torch.tensor([[0.0, 0, 0, 7, 0, 0], [0, 9, 0, 0, 8, 0]])[None, None]
        assert_equal(self.ask(submission, values, switches, 2, 6), expected)

    def test_rows_and_columns_left_over(self, submission):
        "The map has the size that is asked for: pooling 5 x 7 by 2 left the last row and column out."
        values, switches = switches_and_values(3, (5, 7), (2, 2))
        got = self.ask(submission, values, switches, 5, 7)
        assert_equal(got[:, :, 4].abs().sum(), torch.tensor(0.0), what="the sum of the last row")
        assert_equal(got[:, :, :, 6].abs().sum(), torch.tensor(0.0), what="the sum of the last column")
        assert_equal(got.abs().sum(), values.abs().sum(), what="the sum of all")

    def test_each_channel_and_image_by_itself(self, submission, reference):
        "Two images of two channels: each value stays in its channel, and switches count from 0 in each."
        values, switches = switches_and_values(4, (4, 6), (2, 2))
        assert_equal(self.ask(submission, values, switches, 4, 6), reference.unpool(values, switches, 4, 6))

    @hint("`pooled.new_zeros(...)` is on the same device as `pooled`; torch.zeros(...) is on the CPU.")
    def test_tensors_stay_where_they_are(self, submission, device):
        "The result is on the device of the values."
        values, switches = switches_and_values(5, (4, 4), (2, 2))
        got = self.ask(submission, *on(device, values, switches), 4, 4, device)
        assert_equal(got.sum(), values.sum(), what="the sum of all")

    @given(
        seed=SEEDS,
        size=st.tuples(st.integers(3, 6), st.integers(3, 6)),
        window=st.sampled_from([(2, 2), (3, 2), (3, 1)]),
    )
    def test_agrees_with_the_definition(self, submission, reference, seed, size, window):
        "For maps and windows of any size, with and without overlap."
        values, switches = switches_and_values(seed, size, window)
        got = self.ask(submission, values, switches, *size)
        assert_equal(got, reference.unpool(values, switches, *size))


# ------------------------------------------------------------------------------------ transposed convolution
def whole_numbers(seed, *shape):
    """Small whole numbers as floats: sums of products are exact."""
    return torch.randint(-4, 5, shape, generator=torch.Generator().manual_seed(seed)).float()


@exercise("transposed_convolution", points=2)
class TestTransposedConvolution:
    def ask(self, submission, signal, weight, size, stride=(1, 1), padding=(0, 0), groups=1, device=None):
        shape = (len(signal), weight.shape[1] * groups, *size)
        return submission.call(
            "transposed_convolution",
            signal,
            weight,
            *size,
            stride=stride,
            padding=padding,
            groups=groups,
            returns=array("torch", ("float32",), shape, device=device),
        )

    @hint("A 1 in the signal puts the filter into the map as it is: neither mirrored nor turned.")
    def test_one_value_draws_its_filter(self, submission):
        "A signal that is 2 at row 1, column 2 and else 0 gives twice the filter, with its corner there."
        signal, weight = torch.zeros(1, 1, 3, 4), torch.tensor([[1.0, 2, 3], [4, 5, 6]])[None, None]
        signal[0, 0, 1, 2] = 2
        expected = torch.zeros(1, 1, 4, 6)
        expected[0, 0, 1:3, 2:5] = 2 * weight[0, 0]
        assert_equal(self.ask(submission, signal, weight, (4, 6)), expected)

    @hint("Filters of neighbours overlap: there the products are added.")
    def test_overlaps_add_up(self, submission):
        "The signal 1, 10 with the filter 1, 2, 3 and a stride of 2 gives 1, 2, 3 + 10, 20, 30."
        signal, weight = torch.tensor([[[[1.0, 10]]]]), torch.tensor([[[[1.0, 2, 3]]]])
        got = self.ask(submission, signal, weight, (1, 5), stride=(1, 2))
        assert_equal(got.flatten(), torch.tensor([1.0, 2, 13, 20, 30]))

    @hint("With a stride several input sizes give one output size. The output padding says which it was.")
    def test_the_size_that_was(self, submission):
        "6 columns and 5 columns both became 2 with a stride of 2: the sixth was seen by nobody and is 0."
        signal, weight = torch.tensor([[[[1.0, 10]]]]), torch.tensor([[[[1.0, 2, 3]]]])
        got = self.ask(submission, signal, weight, (1, 6), stride=(1, 2))
        assert_equal(got.flatten(), torch.tensor([1.0, 2, 13, 20, 30, 0]))

    def test_padding_is_cut_off(self, submission):
        "With a padding of 1 on the left and right, what falls into it is lost: 2, 3 + 10, 20 are left."
        signal, weight = torch.tensor([[[[1.0, 10]]]]), torch.tensor([[[[1.0, 2, 3]]]])
        got = self.ask(submission, signal, weight, (1, 3), stride=(1, 2), padding=(0, 1))
        assert_equal(got.flatten(), torch.tensor([2.0, 13, 20]))

    def test_channels(self, submission):
        "Each of 2 output channels adds its own filter to all of the 3 input channels."
        signal, weight = torch.tensor([1.0, 100]).reshape(1, 2, 1, 1), whole_numbers(0, 2, 3, 2, 2)
        assert_equal(self.ask(submission, signal, weight, (2, 2)), weight[:1] + 100 * weight[1:])

    @hint(
        "With 2 groups the first half of the output channels saw the first half of the input channels only."
    )
    def test_groups(self, submission):
        "With two groups a signal in the second half of the channels comes back in the second half alone."
        signal, weight = torch.zeros(1, 4, 3, 3), whole_numbers(1, 4, 2, 3, 3)
        signal[0, 2, 1, 1] = 1
        expected = torch.zeros(1, 4, 3, 3)
        expected[:, 2:] = weight[2]
        assert_equal(self.ask(submission, signal, weight, (3, 3), padding=(1, 1), groups=2), expected)

    def test_tensors_stay_where_they_are(self, submission, device):
        "The result is on the device of the signal."
        signal, weight = whole_numbers(2, 1, 2, 3, 3), whole_numbers(3, 2, 1, 2, 2)
        got = self.ask(submission, *on(device, signal, weight), (4, 4), device=device)
        assert_equal(got.sum(), (signal.sum((2, 3)) * weight.sum((1, 2, 3))).sum(), what="the sum of all")

    @hint("It is linear in the signal, and the transpose of the convolution: sums of products are equal.")
    @given(
        seed=SEEDS,
        layout=st.sampled_from([((1, 1), (1, 1), 1), ((2, 2), (1, 1), 2), ((3, 2), (0, 2), 1)]),
        size=st.tuples(st.integers(5, 8), st.integers(5, 8)),
    )
    def test_agrees_with_the_definition(self, submission, reference, seed, layout, size):
        "For any filters, strides, paddings and groups."
        stride, padding, groups = layout
        weight = whole_numbers(seed, 4, 4 // groups, 3, 4)
        shape = nn.functional.conv2d(torch.zeros(2, 4, *size), weight, None, stride, padding, 1, groups).shape
        signal = whole_numbers(seed + 1, *shape)
        got = self.ask(submission, signal, weight, size, stride, padding, groups)
        assert_close(got, reference.transposed_convolution(signal, weight, *size, stride, padding, groups))


# ----------------------------------------------------------------------------------------------- the way back
def way_up(name, images):
    """What the way back from the end of a twin's features needs: sizes and switches of each layer."""
    sizes, switches, x = [], [], images
    with torch.no_grad():
        for part in twin(name).features:
            sizes.append(tuple(x.shape[2:]))
            where = None
            if isinstance(part, nn.MaxPool2d):
                _, where = nn.functional.max_pool2d(x, part.kernel_size, part.stride, return_indices=True)
            x = part(x.clone())
            switches.append(where)
    return x.shape, sizes, switches


@exercise("send_back", points=3)
class TestSendBack:
    def one_layer(self, submission, weight, bias=0.0, device="cpu"):
        """The features of a network with one convolution to two channels, a ReLU and a pooling by 2."""
        model = submission.create("vgg", [(2, 1)], hidden=(2,), classes=2, input_size=4)
        state = dict(vgg([(2, 1)], hidden=(2,), classes=2, input_size=4).state_dict())
        model.load_state_dict(
            state | {"features.0.weight": weight, "features.0.bias": torch.full((2,), bias)}
        )
        return model.call("to", device, returns=handle()).get("features", returns=handle())

    def ask(self, submission, signal, features, sizes, switches, device=None):
        spec = array("torch", ("float32",), (len(signal), 3, *sizes[0]), device=device)
        return submission.call("send_back", signal, features, sizes, switches, returns=spec)

    # The lecture's switches; the channels' filters are the red pixel in the middle, and twice the green one.
    SIZES = ((4, 4),) * 3
    SWITCHES = torch.tensor([[5, 2], [12, 15]]).expand(1, 2, 2, 2)
    WEIGHT = torch.zeros(2, 3, 3, 3)
    WEIGHT[0, 0, 1, 1], WEIGHT[1, 1, 1, 1] = 1, 2

    @hint("From the last layer to the first: pooling, ReLU, convolution. No bias is added on the way.")
    def test_worked_example(self, submission):
        "Through a pooling, a ReLU and a convolution: each value returns to its switch, in its filter's colour."
        features = self.one_layer(submission, self.WEIGHT, bias=100.0)
        signal = torch.tensor([[[1.0, 2], [3, 4]], [[5.0, 6], [7, 8]]])[None]
        got = self.ask(submission, signal, features, list(self.SIZES), [None, None, self.SWITCHES.clone()])
        expected = torch.zeros(1, 3, 16)
        expected[0, 0, [5, 2, 12, 15]] = torch.tensor([1.0, 2, 3, 4])
        expected[0, 1, [5, 2, 12, 15]] = torch.tensor([10.0, 12, 14, 16])
        assert_equal(got.flatten(2), expected)

    @hint(
        "A ReLU does on the way back what it does on the way up: it cuts off what is negative, in the signal."
    )
    def test_relu_on_the_way_back(self, submission):
        "What is negative in the signal ends at the ReLU, and what is positive passes as it is."
        features = self.one_layer(submission, self.WEIGHT)
        signal = torch.tensor([[[1.0, -2], [-3, 4]], [[-5.0, -6], [-7, -8]]])[None]
        got = self.ask(submission, signal, features, list(self.SIZES), [None, None, self.SWITCHES.clone()])
        expected = torch.zeros(1, 3, 16)
        expected[0, 0, [5, 15]] = torch.tensor([1.0, 4])
        assert_equal(got.flatten(2), expected)

    @hint(
        "A ReLU cuts off where the network has one. Behind the first convolution, at the pixels, it has none."
    )
    def test_the_pixels_have_both_signs(self, submission):
        "A filter with negative weights, at a place in the map, leaves negative values in the pixels it saw."
        weight = -torch.arange(1.0, 10).reshape(3, 3).expand(2, 3, 3, 3).clone()
        features = self.one_layer(submission, weight)
        signal, switches = torch.zeros(1, 2, 2, 2), self.SWITCHES.clone()
        signal[0, 0, 0, 0] = 2.0
        got = self.ask(submission, signal, features, list(self.SIZES), [None, None, switches])
        expected = torch.zeros(1, 3, 4, 4)
        expected[:, :, :3, :3] = 2 * weight[0]
        assert_equal(got, expected)

    @hint("Hand each pooling's own switches to your `unpool`.")
    def test_the_switches_decide(self, submission):
        "With other switches the same signal comes back to other places."
        features = self.one_layer(submission, self.WEIGHT)
        signal = torch.tensor([[[1.0, 2], [3, 4]], [[0.0, 0], [0, 0]]])[None]
        for places in ([0, 3, 8, 11], [5, 7, 13, 15], [4, 2, 9, 14]):
            switches = torch.tensor(places).reshape(1, 1, 2, 2).repeat(1, 2, 1, 1)
            got = self.ask(submission, signal, features, list(self.SIZES), [None, None, switches])
            expected = torch.zeros(1, 3, 16)
            expected[0, 0, places] = torch.tensor([1.0, 2, 3, 4])
            assert_equal(got.flatten(2), expected)

    @hint("A batch normalisation has weight, running_var and eps; each is a gain of its own for its channel.")
    def test_batch_normalisation(self, submission, reference):
        "A batch normalisation multiplies each channel by its gain; nothing is subtracted and nothing added."
        shape, sizes, switches = way_up("vgg", random_numbers(11, 2, 3, 8, 8))
        features = there(submission, "vgg").get("features", returns=handle())
        signal = random_numbers(12, *shape)
        got = self.ask(submission, signal, features, sizes, switches)
        expected = reference.send_back(signal, twin("vgg").features, sizes, switches)
        assert_close(got, expected, rtol=1e-3, atol=1e-5)

    @hint("Look at stride, padding and groups of each convolution, and pass over layers you do not know.")
    def test_alexnet(self, submission, reference):
        "A small AlexNet: overlapping poolings, groups, a stride, and normalisation that is passed over."
        shape, sizes, switches = way_up("alexnet", random_numbers(13, 1, 3, 64, 64))
        features = there(submission, "alexnet").get("features", returns=handle())
        signal = random_numbers(14, *shape)
        got = self.ask(submission, signal, features, sizes, switches)
        expected = reference.send_back(signal, twin("alexnet").features, sizes, switches)
        assert_close(got, expected, rtol=1e-3, atol=1e-5)

    @hint("Functions and methods that end in an underscore change what they are given.")
    def test_the_signal_stays_as_it_is(self, submission):
        "Where the last layer is a ReLU, its signal is cut off in the result, and not in the argument."
        features = self.one_layer(submission, self.WEIGHT)
        features.call("pop", -1)  # conv, ReLU
        signal = random_numbers(15, 2, 2, 4, 4)
        got = self.ask(submission, signal, features, list(self.SIZES[:2]), [None, None])
        expected = torch.zeros(2, 3, 4, 4)
        expected[:, 0], expected[:, 1] = signal[:, 0].clamp(min=0), 2 * signal[:, 1].clamp(min=0)
        assert_close(got, expected)

    def test_tensors_stay_where_they_are(self, submission, device):
        "The result is on the device of the signal and the layers."
        features = self.one_layer(submission, self.WEIGHT, device=device)
        signal, switches = on(device, torch.ones(1, 2, 2, 2), self.SWITCHES.clone())
        got = self.ask(submission, signal, features, list(self.SIZES), [None, None, switches], device)
        assert_equal(got.sum((0, 2, 3)), torch.tensor([4.0, 8, 0]), what="the sums of red, green and blue")
