"""The nearest neighbours in a few lines each, written for reading: the exercises of lab 01.

Everything works on numpy arrays and on torch tensors, on whatever device these are; both arguments of a function
are of the same kind.
"""

import numpy as np
import torch


def as_rows(images):
    """Flatten each image into one row of numbers that are safe to subtract.

    The pixels of an image are bytes, and bytes wrap around: 10 - 11 is 255. Integers of every kind and bools
    therefore become 64-bit integers. Floating-point numbers keep their type.

    Args:
        images: numpy array or torch tensor [N, ...]: N images of any shape, also N = 0.

    Returns:
        The same values as [N, D], D the number of values in one image; int64, or the type of the floats.

    Example:
        >>> as_rows(np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], dtype=np.uint8))
        array([[1, 2, 3, 4],
               [5, 6, 7, 8]])
    """
    rows = images.reshape(len(images), int(np.prod(images.shape[1:])))
    if isinstance(rows, torch.Tensor):
        return rows if rows.is_floating_point() else rows.to(torch.int64)
    return rows if np.issubdtype(rows.dtype, np.floating) else rows.astype(np.int64)


def l1_distances(a, b):
    """Add up the absolute differences of two images, for every pair of images.

    The L1 distance of images p and q is the sum over all values d of |p_d - q_d|. Integer images are compared
    exactly. Go through `a` image by image: all pairs at once would not fit into memory.

    Args:
        a: numpy array or torch tensor [M, ...], M images, also M = 0.
        b: N images [N, ...] with as many values each, of the same kind (numpy or torch) as `a`.

    Returns:
        [M, N]: the distance of a[i] and b[j] at [i, j]; int64 for integers, floats keep their type.

    Raises:
        ValueError: when the images of `a` and `b` differ in their number of values.

    Example:
        >>> test = np.array([[56, 32, 10, 18], [90, 23, 128, 133], [24, 26, 178, 200], [2, 0, 255, 220]])
        >>> train = np.array([[10, 20, 24, 17], [8, 10, 89, 100], [12, 16, 178, 170], [4, 32, 233, 112]])
        >>> l1_distances(test[None], train[None])
        array([[456]])
    """
    a, b = as_rows(a), as_rows(b)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"images of {a.shape[1]} and of {b.shape[1]} values cannot be compared")
    if isinstance(a, torch.Tensor):
        distances = a.new_empty(len(a), len(b), dtype=torch.promote_types(a.dtype, b.dtype))
    else:
        distances = np.empty((len(a), len(b)), np.promote_types(a.dtype, b.dtype))
    for i, row in enumerate(a):
        distances[i] = abs(row - b).sum(-1)
    return distances


def l2_distances(a, b):
    """Measure the straight line between two images, for every pair of images.

    The L2 (Euclidean) distance of images p and q is the square root of the sum over d of (p_d - q_d)². The
    sum is exact for integer images; the root is taken in float64.

    Args:
        a: numpy array or torch tensor [M, ...], M images, also M = 0.
        b: N images [N, ...] with as many values each, of the same kind (numpy or torch) as `a`.

    Returns:
        [M, N]: the distance of a[i] and b[j] at [i, j]; float64 for integers, floats keep their type.

    Raises:
        ValueError: when the images of `a` and `b` differ in their number of values.

    Example:
        >>> l2_distances(np.array([[0, 0], [3, 0]]), np.array([[3, 4]]))
        array([[5.],
               [4.]])
    """
    a, b = as_rows(a), as_rows(b)
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"images of {a.shape[1]} and of {b.shape[1]} values cannot be compared")
    if isinstance(a, torch.Tensor):
        dtype = torch.promote_types(a.dtype, b.dtype)
        squares = a.new_empty(len(a), len(b), dtype=dtype if dtype.is_floating_point else torch.float64)
    else:
        dtype = np.promote_types(a.dtype, b.dtype)
        squares = np.empty((len(a), len(b)), dtype if np.issubdtype(dtype, np.floating) else np.float64)
    for i, row in enumerate(a):
        squares[i] = ((row - b) ** 2).sum(-1)
    return squares**0.5


def nearest(distances, k):
    """Find the k nearest training images of each test image.

    Args:
        distances: numpy array or torch tensor [M, N], from M test images to N training images.
        k: how many neighbours, 1 to N.

    Returns:
        A pair (indices, distances), both [M, k], the nearest first: the columns of the k smallest distances
        of each row as int64, and those distances in their own type. Of equal distances, the one with the
        lower index comes first.

    Raises:
        ValueError: when k is not in 1..N.

    Example:
        >>> nearest(np.array([[30, 10, 20, 10]]), k=3)
        (array([[1, 3, 2]]), array([[10, 10, 20]]))
    """
    if not 1 <= k <= distances.shape[1]:
        raise ValueError(f"k is {k}, but there are {distances.shape[1]} training images: use 1 up to that")
    indices = distances.argsort(stable=True)[:, :k]
    if isinstance(distances, torch.Tensor):
        return indices, torch.take_along_dim(distances, indices, 1)
    return indices, np.take_along_axis(distances, indices, 1)


def vote(labels):
    """Let the neighbours of each test image vote on its label.

    The most frequent label wins. When several are equally frequent, the one among them whose nearest member
    is the nearest wins.

    Args:
        labels: numpy array or torch tensor [M, k], the labels of the k neighbours, the nearest first; k >= 1.

    Returns:
        [M]: the winners, in the type of `labels`.

    Example:
        >>> vote(np.array([[7, 5, 5], [7, 5, 3]]))
        array([5, 7])
    """
    votes = (labels[:, :, None] == labels[:, None, :]).sum(-1)
    return labels[range(len(labels)), votes.argmax(-1)]  # argmax: the first, so the nearest, of equal ones


class NearestNeighbor:
    """The first classifier: training remembers everything, prediction looks up the nearest image (L1, k = 1).

    Attributes:
        images: the training images, as they were given to `train`.
        labels: their labels.

    Example:
        >>> classifier = NearestNeighbor()
        >>> classifier.train(np.array([[0, 0], [9, 9]]), np.array([3, 5]))
        >>> classifier.predict(np.array([[8, 7], [1, 2], [6, 9]]))
        array([5, 3, 5])
    """

    def train(self, images, labels):
        """Remember the training set as attributes `images` and `labels`.

        Args:
            images: numpy array or torch tensor [N, ...], N >= 1.
            labels: [N], of the same kind (numpy or torch) as the images.
        """
        self.images, self.labels = images, labels

    def predict(self, images):
        """Give each image the label of its nearest training image in the L1 distance.

        Args:
            images: numpy array or torch tensor [M, ...], of the same kind and size as the training images.

        Returns:
            [M]: labels, in the type of the training labels. Of equally near training images, the one that
            comes first in the training set decides.
        """
        indices, _ = nearest(l1_distances(images, self.images), k=1)
        return self.labels[indices[:, 0]]


def cross_validate_k(images, labels, ks, folds=5):
    """Measure how well each k does on images that were held out, to choose k without touching the test set.

    The N images are cut, in their order, into folds: fold f is `np.array_split(np.arange(N), folds)[f]`. Each
    fold in turn is held out and classified by its k nearest neighbours (L1, `vote`) among all other images.

    Args:
        images: numpy array or torch tensor [N, ...].
        labels: [N], of the same kind (numpy or torch) as the images.
        ks: the values of k to try.
        folds: how many folds, 2 to N.

    Returns:
        numpy float64 [len(ks), folds]: the fraction of fold f that ks[i] classifies correctly, at [i, f].

    Raises:
        ValueError: when folds is not in 2..N, or some k is less than 1 or more than the images that remain.

    Example:
        >>> images = np.array([[1], [11], [2], [12]])
        >>> cross_validate_k(images, np.array([0, 1, 0, 1]), ks=[1, 2], folds=2)
        array([[1., 1.],
               [1., 1.]])
    """
    if not 2 <= folds <= len(images):
        raise ValueError(f"{len(images)} images cannot be cut into {folds} folds: use 2 up to that many")
    accuracies = np.zeros((len(ks), folds))
    for f, held_out in enumerate(np.array_split(np.arange(len(images)), folds)):
        rest = np.delete(np.arange(len(images)), held_out)
        distances = l1_distances(images[held_out], images[rest])
        for i, k in enumerate(ks):
            indices, _ = nearest(distances, k)
            correct = vote(labels[rest][indices]) == labels[held_out]
            accuracies[i, f] = int(correct.sum()) / len(held_out)
    return accuracies
