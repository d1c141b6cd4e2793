"""Graded tests of lab 01. A docstring is what the student reads when its test fails: what should hold.

Later exercises are tested on data (int64, no ties) in which the usual mistakes of earlier ones do not show:
one mistake should cost the points of one exercise.
"""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnncourse.grading import array, assert_close, assert_equal, exercise, hint

# The slide's example: the test image, and the training image whose L1 distance to it is 456.
TEST = np.array([[[56, 32, 10, 18], [90, 23, 128, 133], [24, 26, 178, 200], [2, 0, 255, 220]]], np.uint8)
TRAINING = np.array([[[10, 20, 24, 17], [8, 10, 89, 100], [12, 16, 178, 170], [4, 32, 233, 112]]], np.uint8)


@st.composite
def pair_of_images(draw):
    """M images and N images of the same small shape: bytes, or whole numbers in floats."""
    shape = draw(st.sampled_from([(2,), (2, 2), (1, 2, 3)]))
    dtype = draw(st.sampled_from([np.uint8, np.float64]))
    counts = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return tuple(draw(arrays(dtype, (count, *shape), elements=st.integers(0, 255))) for count in counts)


@exercise("as_rows", points=2)
class TestAsRows:
    @hint("`reshape` can work out one size for you: the one that you give as -1.")
    def test_an_image_becomes_one_row(self, submission):
        "Two images of 2x2x3 become two rows of 12 numbers, each image's numbers in their order."
        images = np.arange(24).reshape(2, 2, 2, 3)
        rows = submission.call("as_rows", images, returns=array("numpy", shape=(2, 12)))
        assert_equal(rows, np.arange(24).reshape(2, 12))

    @hint("Small integer types have to become int64; the values stay.")
    def test_bytes_are_widened(self, submission):
        "Images of uint8 become rows of int64 with the same values."
        images = np.array([[[0, 255], [3, 5]]], np.uint8)
        rows = submission.call("as_rows", images, returns=array("numpy", ("int64",), (1, 4)))
        assert_equal(rows, np.array([[0, 255, 3, 5]]))

    @hint("Look at the dtype before you convert: only integers and booleans are widened.")
    def test_floats_stay_as_they_are(self, submission):
        "Images of float32 stay float32: nothing is rounded and nothing is widened."
        images = np.array([[0.25, 0.5], [0.75, -1.5]], np.float32)
        rows = submission.call("as_rows", images, returns=array("numpy", ("float32",), (2, 2)))
        assert_equal(rows, images)

    def test_any_number_of_axes(self, submission):
        "Grey images [N, H, W], colour images [N, H, W, 3] and rows [N, D] all become [N, D]."
        for shape in ((3, 2, 5), (3, 2, 5, 3), (3, 4)):
            images = np.arange(np.prod(shape)).reshape(shape)
            rows = submission.call("as_rows", images, returns=array("numpy", ("int64",)))
            assert_equal(rows, images.reshape(3, -1))

    @hint("Numpy arrays and torch tensors both have `.reshape`; their ways of changing the dtype differ.")
    def test_tensors_stay_tensors(self, submission, device):
        "A torch tensor gives a torch tensor on the same device; uint8 becomes int64, float32 stays float32."
        images = torch.arange(200, 212, dtype=torch.uint8).reshape(3, 2, 2).to(device)
        rows = submission.call("as_rows", images, returns=array("torch", ("int64",), (3, 4), device=device))
        assert_equal(rows, np.arange(200, 212).reshape(3, 4))
        images = torch.tensor([[0.5, 0.25]]).to(device)
        rows = submission.call("as_rows", images, returns=array("torch", ("float32",), (1, 2), device=device))
        assert_equal(rows, np.array([[0.5, 0.25]], np.float32))


@exercise("l1_distances", points=4)
class TestL1Distances:
    @hint("Add up the absolute values of all 16 differences: 46 + 12 + 14 + 1 + 82 + ...")
    def test_worked_example(self, submission):
        "The worked example of the lecture: the two 4x4 images are 456 apart."
        got = submission.call("l1_distances", TEST, TRAINING, returns=array("numpy", shape=(1, 1)))
        assert_equal(got, np.array([[456]]))

    @hint("Bytes wrap around when they are subtracted: 3 - 5 is 254 in uint8. Widen them first.")
    def test_bytes_do_not_wrap_around(self, submission):
        "The distance is the same in both directions: from [3, 0] to [5, 255] as back, 2 + 255 = 257."
        low, high = np.array([[3, 0]], np.uint8), np.array([[5, 255]], np.uint8)
        spec = array("numpy", shape=(1, 1))
        assert_equal(submission.call("l1_distances", low, high, returns=spec), np.array([[257]]))
        assert_equal(submission.call("l1_distances", high, low, returns=spec), np.array([[257]]))

    @hint("The sum needs as much room as the numbers: add up in int64.")
    def test_real_images_fit(self, submission):
        "A black and a white image of 32x32x3 are 3072 * 255 = 783360 apart, in int64, to the unit."
        black, white = (np.full((1, 32, 32, 3), value, np.uint8) for value in (0, 255))
        got = submission.call("l1_distances", black, white, returns=array("numpy", ("int64",), (1, 1)))
        assert_equal(got, np.array([[783360]]))

    @hint("Compare one image of `a` with all of `b`: that gives one row of the result.")
    def test_a_row_for_each_image_of_a(self, submission):
        "Entry [i, j] is the distance from a[i] to b[j]: two images against three give 2 rows and 3 columns."
        a, b = np.array([[0, 0], [10, 0]]), np.array([[1, 0], [0, 2], [3, 3]])
        got = submission.call("l1_distances", a, b, returns=array("numpy", ("int64",), (2, 3)))
        assert_equal(got, np.array([[1, 2, 6], [9, 12, 10]]))

    @hint("Are fractions cut off somewhere on the way, or the result widened?")
    def test_floats_stay_floats(self, submission):
        "Images of float32 give distances of float32 with their fractions: from 0.25 to -0.5 it is 0.75."
        a, b = np.array([[0.25, 1.0]], np.float32), np.array([[-0.5, 1.0]], np.float32)
        got = submission.call("l1_distances", a, b, returns=array("numpy", ("float32",), (1, 1)))
        assert_close(got, np.array([[0.75]]))

    @hint("What makes a numpy array on the way, such as numpy.array or numpy.zeros, loses the tensor.")
    def test_tensors_stay_tensors(self, submission, device):
        "Torch tensors of uint8 give a torch tensor of int64 on the same device."
        a, b = (torch.tensor([values], dtype=torch.uint8).to(device) for values in ([9, 5], [2, 1]))
        got = submission.call("l1_distances", a, b, returns=array("torch", ("int64",), (1, 1), device=device))
        assert_equal(got, np.array([[11]]))

    @hint("Compare the lengths of the rows before anything else, and raise ValueError where they differ.")
    def test_images_of_different_sizes(self, submission):
        "Images of 4 and of 3 values cannot be compared: that raises ValueError, and so do 4 values and 1."
        for size in (3, 1):
            with submission.raises(ValueError):
                submission.call("l1_distances", np.zeros((2, 4), np.int64), np.zeros((5, size), np.int64))
        submission.call("l1_distances", np.zeros((2, 4), np.int64), np.zeros((5, 4), np.int64))

    @given(images=pair_of_images())
    def test_agrees_with_the_definition(self, submission, reference, images):
        "For images of any shape, every entry is the sum of the absolute differences."
        a, b = images
        got = submission.call("l1_distances", a, b, returns=array("numpy", shape=(len(a), len(b))))
        assert_close(got, reference.l1_distances(a, b))


@exercise("l2_distances", points=3)
class TestL2Distances:
    @hint("Square the differences, add them up, then take the root, in this order.")
    def test_three_four_five(self, submission):
        "The image [3, 4] is 5 from the image [0, 0]: the root of 3*3 + 4*4."
        a, b = np.array([[3.0, 4.0]]), np.array([[0.0, 0.0]])
        got = submission.call("l2_distances", a, b, returns=array("numpy", shape=(1, 1)))
        assert_close(got, np.array([[5.0]]))

    @hint("Both the difference and its square have to fit: 255 * 255 is 65025.")
    def test_bytes_do_not_wrap_around(self, submission):
        "Images of uint8 give float64: from [0, 0] to [255, 255] it is 360.62 in both directions."
        a, b = np.array([[0, 0]], np.uint8), np.array([[255, 255]], np.uint8)
        spec = array("numpy", ("float64",), (1, 1))
        assert_close(submission.call("l2_distances", a, b, returns=spec), np.array([[255 * 2**0.5]]))
        assert_close(submission.call("l2_distances", b, a, returns=spec), np.array([[255 * 2**0.5]]))

    @hint("The squared distance must never be negative: a root of -0.0001 is not a number.")
    def test_an_image_is_nowhere_but_at_itself(self, submission):
        "The distance of an image to itself is 0, also for float32, and never NaN."
        images = np.random.default_rng(0).random((8, 30), dtype=np.float32)
        got = submission.call("l2_distances", images, images, returns=array("numpy", ("float32",), (8, 8)))
        assert_close(np.diag(got), np.zeros(8), atol=1e-2, what="the distances of images to themselves")

    @hint("Compare one image of `a` with all of `b`: that gives one row of the result.")
    def test_a_row_for_each_image_of_a(self, submission):
        "Entry [i, j] is the distance from a[i] to b[j]: two images against three give 2 rows and 3 columns."
        a, b = np.array([[0, 0], [9, 0]]), np.array([[1, 0], [0, 2], [9, 5]])
        got = submission.call("l2_distances", a, b, returns=array("numpy", ("float64",), (2, 3)))
        assert_close(got, np.array([[1, 2, 106**0.5], [8, 85**0.5, 5]]))

    @hint("What makes a numpy array on the way, such as numpy.array or numpy.zeros, loses the tensor.")
    def test_tensors_stay_tensors(self, submission, device):
        "Torch tensors give a torch tensor on the same device: float64 for uint8, float32 for float32."
        a, b = torch.tensor([[4, 6]]), torch.tensor([[1, 10]])
        for given_dtype, dtype in ((torch.uint8, "float64"), (torch.float32, "float32")):
            spec = array("torch", (dtype,), (1, 1), device=device)
            got = submission.call(
                "l2_distances", a.to(device, given_dtype), b.to(device, given_dtype), returns=spec
            )
            assert_close(got, np.array([[5.0]]))

    @given(images=pair_of_images())
    def test_agrees_with_the_definition(self, submission, reference, images):
        "For images of any shape, every entry is the root of the sum of the squared differences."
        a, b = images
        got = submission.call("l2_distances", a, b, returns=array("numpy", shape=(len(a), len(b))))
        assert_close(got, reference.l2_distances(a, b), atol=1e-4)


def distances_and_k():
    """Few different distances, so that there are ties, and a k from 1 to N."""
    shapes = st.tuples(st.integers(1, 3), st.integers(1, 5))
    matrices = shapes.flatmap(lambda shape: arrays(np.int64, shape, elements=st.integers(0, 3)))
    return matrices.flatmap(lambda matrix: st.tuples(st.just(matrix), st.integers(1, matrix.shape[1])))


NEIGHBOURS = (array("numpy", ("int64",)), array("numpy", ("int64",)))


@exercise("nearest", points=3)
class TestNearest:
    @hint("`argsort` gives the order of the training images; its first k columns are wanted.")
    def test_nearest_first(self, submission):
        "Of the distances 50, 10, 30, 20 the nearest are numbers 1, 3, 2, at 10, 20, 30, in long rows too."
        indices, near = submission.call("nearest", np.array([[50, 10, 30, 20]]), 3, returns=NEIGHBOURS)
        assert_equal(indices, np.array([[1, 3, 2]]), what="the indices")
        assert_equal(near, np.array([[10, 20, 30]]), what="the distances")
        distances = np.arange(1999)[None] * 769 % 1999
        _, near = submission.call("nearest", distances, 1500, returns=NEIGHBOURS)
        assert_equal(near, np.arange(1500)[None], what="the distances")

    @hint(
        "Sort along the last axis; `numpy.take_along_axis` fetches the distances that belong to the indices."
    )
    def test_each_row_by_itself(self, submission):
        "Every row of distances is one test image and has its own neighbours; M and N may differ."
        distances = np.array([[3, 1, 2], [7, 9, 8]])
        indices, near = submission.call("nearest", distances, 2, returns=NEIGHBOURS)
        assert_equal(indices, np.array([[1, 2], [0, 2]]), what="the indices")
        assert_equal(near, np.array([[1, 2], [7, 8]]), what="the distances")

    @hint("Most ways of sorting shuffle equal values. Ask for a stable one.")
    def test_ties_go_to_the_lower_index(self, submission):
        "Among training images at the same distance, the one with the lower number comes first."
        distances = np.arange(300)[None] % 3
        indices, _ = submission.call("nearest", distances, 200, returns=NEIGHBOURS)
        assert_equal(indices, np.r_[0:300:3, 1:300:3][None], what="the indices")

    @hint("Compare k with 1 and with the number of columns before anything else, and raise ValueError.")
    def test_k_must_be_possible(self, submission):
        "With 3 training images, k = 0, k = -1 and k = 4 raise ValueError, and k = 3 does not."
        distances = np.array([[3, 1, 2]])
        for k in (0, -1, 4):
            with submission.raises(ValueError):
                submission.call("nearest", distances, k)
        indices, _ = submission.call("nearest", distances, 3, returns=NEIGHBOURS)
        assert_equal(indices, np.array([[1, 2, 0]]), what="the indices")

    def test_distances_keep_their_dtype(self, submission):
        "Distances of float32 come back as float32, and the indices are int64."
        distances = np.array([[0.5, 0.25, 0.75]], np.float32)
        specs = array("numpy", ("int64",), (1, 2)), array("numpy", ("float32",), (1, 2))
        indices, near = submission.call("nearest", distances, 2, returns=specs)
        assert_equal(indices, np.array([[1, 0]]), what="the indices")
        assert_equal(near, np.array([[0.25, 0.5]], np.float32), what="the distances")

    @hint("What works on arrays and tensors alike: `x.argsort(stable=True)`, slices, and x[rows, columns].")
    def test_tensors_stay_tensors(self, submission, device):
        "A torch tensor of distances gives two torch tensors on the same device."
        distances = torch.tensor([[5, 1, 3], [2, 2, 0]]).to(device)
        spec = array("torch", ("int64",), (2, 2), device=device)
        indices, near = submission.call("nearest", distances, 2, returns=(spec, spec))
        assert_equal(indices, np.array([[1, 2], [2, 0]]), what="the indices")
        assert_equal(near, np.array([[1, 3], [0, 2]]), what="the distances")

    @given(question=distances_and_k())
    def test_agrees_with_the_definition(self, submission, reference, question):
        "For any distances and any k from 1 to N: nearest first, and the lower number first among equals."
        distances, k = question
        indices, near = submission.call("nearest", distances, k, returns=NEIGHBOURS)
        right_indices, right_near = reference.nearest(distances, k)
        assert_equal(indices, right_indices, what="the indices")
        assert_equal(near, right_near, what="the distances")


@exercise("vote", points=3)
class TestVote:
    @hint("Count how often each label occurs among the k of its row.")
    def test_most_frequent_label(self, submission):
        "Of the labels 4, 9, 1, 9, 2 the winner is 9, although the nearest neighbour says 4."
        winners = submission.call(
            "vote", np.array([[4, 9, 1, 9, 2]]), returns=array("numpy", ("int64",), (1,))
        )
        assert_equal(winners, np.array([9]))

    @hint(
        "Labels stand nearest first, so among equal counts the one that occurs first wins, not the smallest."
    )
    def test_ties_go_to_the_nearest(self, submission):
        "Of 7, 2, 2, 7 the winner is 7: both occur twice, and the nearest neighbour of all is a 7."
        labels = np.array([[7, 2, 2, 7], [2, 7, 7, 2], [9, 4, 9, 4]])
        winners = submission.call("vote", labels, returns=array("numpy", ("int64",), (3,)))
        assert_equal(winners, np.array([7, 2, 9]))

    def test_a_tie_between_others(self, submission):
        "Of 5, 3, 8, 8, 3 the winner is 3: it occurs twice, as 8 does, and its first is nearer."
        winners = submission.call(
            "vote", np.array([[5, 3, 8, 8, 3]]), returns=array("numpy", ("int64",), (1,))
        )
        assert_equal(winners, np.array([3]))

    def test_each_row_by_itself(self, submission):
        "Every row is one test image and holds its own vote: three rows of two labels give three winners."
        labels = np.array([[1, 1], [2, 2], [3, 1]])
        winners = submission.call("vote", labels, returns=array("numpy", ("int64",), (3,)))
        assert_equal(winners, np.array([1, 2, 3]))

    @hint("Do not count on labels from 0 to 9: compare labels with one another instead.")
    def test_any_labels(self, submission):
        "Labels are names, not positions: 1000000 and -1 are labels like any other."
        labels = np.array([[1000000, -1, -1], [-1, 1000000, 5]])
        winners = submission.call("vote", labels, returns=array("numpy", ("int64",), (2,)))
        assert_equal(winners, np.array([-1, -1]))

    @hint("What makes a numpy array on the way, such as numpy.array or numpy.zeros, loses the tensor.")
    def test_tensors_stay_tensors(self, submission, device):
        "A torch tensor of labels gives a torch tensor of winners on the same device."
        labels = torch.tensor([[4, 6, 6], [1, 2, 3]]).to(device)
        winners = submission.call("vote", labels, returns=array("torch", ("int64",), (2,), device=device))
        assert_equal(winners, np.array([6, 1]))

    @given(
        labels=arrays(np.int64, st.tuples(st.integers(1, 3), st.integers(1, 6)), elements=st.integers(0, 3))
    )
    def test_agrees_with_the_definition(self, submission, reference, labels):
        "For any labels: the most frequent wins, and among equals the one whose nearest member is nearest."
        winners = submission.call("vote", labels, returns=array("numpy", ("int64",), (len(labels),)))
        assert_equal(winners, reference.vote(labels))


# Three images, one to each corner of a triangle, with labels that are no positions.
CORNERS, NAMES = np.array([[[0, 0]], [[100, 0]], [[0, 100]]]), np.array([7, 5, 6])
LABELS = array("numpy", ("int64",))


@exercise("NearestNeighbor", points=2)
class TestNearestNeighbor:
    @hint("What `predict` needs later, `train` has to keep, as `self.images` and `self.labels`.")
    def test_train_remembers(self, submission):
        "After train(images, labels) `images` and `labels` hold what was handed over."
        model = submission.create("NearestNeighbor")
        model.call("train", CORNERS, NAMES)
        assert_equal(model.get("images", returns=array()), CORNERS, what="model.images")
        assert_equal(model.get("labels", returns=array()), NAMES, what="model.labels")

    @hint("The position of the smallest distance is not the answer yet: look up the label at that position.")
    def test_predict_gives_the_label_of_the_nearest(self, submission):
        "Each image gets the label of the training image that is nearest to it in L1 distance."
        model = submission.create("NearestNeighbor")
        model.call("train", CORNERS, NAMES)
        images = np.array([[[10, 80]], [[90, 5]], [[3, 4]], [[60, 30]]])
        assert_equal(model.call("predict", images, returns=LABELS), np.array([6, 5, 7, 5]))

    @hint("Which of your two distances is the one to use here?")
    def test_distance_is_l1(self, submission):
        "The distance is L1: [0, 0] is nearer to [9, 0] (L1 9, L2 9) than to [5, 5] (L1 10, L2 7.07)."
        model = submission.create("NearestNeighbor")
        model.call("train", np.array([[5, 5], [9, 0]]), np.array([1, 2]))
        assert_equal(model.call("predict", np.array([[0, 0]]), returns=LABELS), np.array([2]))

    def test_train_again_forgets(self, submission):
        "A second train replaces the first: predictions come from the second set alone."
        model = submission.create("NearestNeighbor")
        model.call("train", CORNERS, NAMES)
        model.call("train", np.array([[[50, 50]]]), np.array([1]))
        assert_equal(model.call("predict", CORNERS, returns=LABELS), np.array([1, 1, 1]))

    @hint("What belongs to one classifier is kept on `self`, not on the class and not in a global name.")
    def test_two_classifiers_do_not_share(self, submission):
        "Two classifiers trained on different labels each predict their own."
        first, second = submission.create("NearestNeighbor"), submission.create("NearestNeighbor")
        first.call("train", CORNERS, NAMES)
        second.call("train", CORNERS, NAMES + 10)
        assert_equal(first.call("predict", CORNERS, returns=LABELS), np.array([7, 5, 6]))
        assert_equal(second.call("predict", CORNERS, returns=LABELS), np.array([17, 15, 16]))

    @hint("What makes a numpy array on the way, such as numpy.array or numpy.zeros, loses the tensor.")
    def test_tensors_stay_tensors(self, submission, device):
        "Trained on torch tensors, it predicts a torch tensor of labels on the same device."
        model = submission.create("NearestNeighbor")
        model.call(
            "train", torch.from_numpy(CORNERS.copy()).to(device), torch.from_numpy(NAMES.copy()).to(device)
        )
        spec = array("torch", ("int64",), (2,), device=device)
        assert_equal(
            model.call("predict", torch.tensor([[[0, 70]], [[1, 2]]]).to(device), returns=spec),
            np.array([6, 7]),
        )


ACCURACIES = array("numpy", ("float64",))


def on_a_line(positions):
    """Images of one pixel, far enough apart for exact distances without ties."""
    return np.array(positions)[:, None]


@exercise("cross_validate_k", points=3)
class TestCrossValidateK:
    @hint("Train on everything but the fold: an image that is its own neighbour is always right.")
    def test_the_fold_is_held_out(self, submission):
        "The images that are judged are not among those that judge: here all neighbours are wrong, so 0."
        images, labels = on_a_line([0, 1, 10, 11]), np.array([0, 1, 1, 0])
        got = submission.call("cross_validate_k", images, labels, (1,), 4, returns=ACCURACIES)
        assert_close(got, np.zeros((1, 4)))

    @hint("The first index is k's, the second the fold's. A fold's accuracy is the fraction it got right.")
    def test_a_row_for_each_k(self, submission):
        "Two ks and three folds give 2 rows and 3 columns of accuracies, float64 between 0 and 1."
        # k = 1 errs once, at 104, whose label is wrong; k = 3 asks two of one side and one of the other.
        images, labels = on_a_line([0, 100, 1, 101, 3, 104]), np.array([0, 1, 0, 1, 0, 0])
        got = submission.call(
            "cross_validate_k", images, labels, (1, 3), 3, returns=array("numpy", ("float64",), (2, 3))
        )
        assert_close(got, np.array([[1, 1, 0.5], [0.5, 0.5, 0.5]]))

    @hint("`numpy.array_split(numpy.arange(n), folds)` gives the numbers of the images in each fold.")
    def test_folds_are_consecutive(self, submission):
        "Folds are consecutive images: fold f is numpy.array_split(numpy.arange(n), folds)[f]."
        images, labels = on_a_line([0, 2, 5, 9, 100, 103, 107, 112]), np.array([0, 1, 0, 1, 1, 1, 1, 1])
        got = submission.call(
            "cross_validate_k", images, labels, (1,), 4, returns=array("numpy", ("float64",), (1, 4))
        )
        assert_close(got, np.array([[0.5, 0.5, 1.0, 1.0]]))

    @hint("7 images in 3 folds are 3, 2 and 2. Divide the right ones by the size of their own fold.")
    def test_uneven_folds(self, submission):
        "Seven images in three folds: none is left out, and each accuracy is a fraction of its own fold."
        images, labels = on_a_line([0, 50, 102, 1, 52, 105, 107]), np.array([0, 1, 2, 0, 1, 1, 2])
        got = submission.call(
            "cross_validate_k", images, labels, (1,), 3, returns=array("numpy", ("float64",), (1, 3))
        )
        assert_close(got, np.array([[2 / 3, 1, 0.5]]))

    @hint("Does every k get its own vote among its own k neighbours?")
    def test_k_is_used(self, submission):
        "One wrong label deceives k = 1, and is outvoted with k = 3."
        images, labels = on_a_line([0, 2, 3, 5, 100, 102, 103, 105]), np.array([0, 1, 0, 0, 1, 1, 1, 1])
        got = submission.call(
            "cross_validate_k", images, labels, (3, 1), 8, returns=array("numpy", ("float64",), (2, 8))
        )
        assert_close(got, np.array([[1, 0, 1, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1, 1.0]]))

    def test_five_folds_unless_told(self, submission):
        "Without the last argument there are five folds."
        images, labels = on_a_line([0, 50, 1, 51, 3, 53, 6, 56, 10, 60]), np.array([0, 1] * 5)
        got = submission.call(
            "cross_validate_k", images, labels, (1,), returns=array("numpy", ("float64",), (1, 5))
        )
        assert_close(got, np.ones((1, 5)))

    @hint("Check `folds` before anything else.")
    def test_folds_must_be_possible(self, submission):
        "Four images cannot be cut into 1 or 5 folds: that raises ValueError, while 2 and 4 folds are possible."
        images, labels = on_a_line([0, 1, 10, 11]), np.array([0, 0, 1, 1])
        for folds in (1, 5):
            with submission.raises(ValueError):
                submission.call("cross_validate_k", images, labels, (1,), folds)
        for folds in (2, 4):
            spec = array("numpy", ("float64",), (1, folds))
            submission.call("cross_validate_k", images, labels, (1,), folds, returns=spec)

    @hint("A tensor of True and False has no mean: count the True ones with `.sum()`, and divide.")
    def test_tensors_give_accuracies_too(self, submission, device):
        "Images and labels may be torch tensors; the accuracies are a numpy array all the same."
        images, labels = on_a_line([0, 1, 10, 12]), np.array([0, 0, 1, 0])
        tensors = (torch.from_numpy(values).to(device) for values in (images, labels))
        got = submission.call(
            "cross_validate_k", *tensors, (1,), 4, returns=array("numpy", ("float64",), (1, 4))
        )
        assert_close(got, np.array([[1, 1, 0, 0.0]]))

    @given(data=st.permutations(range(7)), labels=st.lists(st.integers(0, 2), min_size=7, max_size=7))
    def test_agrees_with_the_definition(self, submission, reference, data, labels):
        "For any order of images and any labels."
        # Powers of three: no two pairs are equally far apart.
        images, labels = on_a_line([3**position for position in data]), np.array(labels)
        got = submission.call(
            "cross_validate_k", images, labels, (1, 3), 3, returns=array("numpy", ("float64",), (2, 3))
        )
        assert_close(got, reference.cross_validate_k(images, labels, (1, 3), 3))
