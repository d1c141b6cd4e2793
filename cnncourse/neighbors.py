"""Nearest neighbours: compare an image with every training image and copy the label of the closest.

The functions are written for reading and are the exercises of lab 01. They work on numpy arrays and on
torch tensors, on whatever device these are; both arguments of a function are of the same kind.
`KNeighborsClassifier` is the one to use on real data: the same answers, faster and in bounded memory.
"""

import numpy as np
import torch

from cnncourse import _neighbors_fast


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


class KNeighborsClassifier:
    """The k nearest training images vote: scikit-learn's interface, on numpy arrays and torch tensors.

    It gives the answers of `l1_distances` or `l2_distances`, `nearest` and `vote`, ties included, without ever
    holding all distances: in chunks, and for bytes in the L1 distance with a compiled kernel. Integer images
    are compared exactly; half precision is compared in float32. Images may be of any shape with the same number
    of values; training images and the images asked about are both numpy arrays or both tensors on one device.

    Args:
        n_neighbors: k, how many neighbours vote.
        metric: "l1", the sum of absolute differences, or "l2", the Euclidean distance.

    Attributes:
        n_neighbors: k; `choose_k` sets it.
        images_: the training images as rows, a tensor [N, D].
        labels_: their labels [N].
        classes_: the different labels, sorted.
        n_features_in_, n_samples_fit_: D and N.
        validation_accuracies_: after `choose_k`, float64 [len(ks), folds].

    Example:
        >>> images = np.array([[0, 0], [1, 2], [9, 9], [8, 7]], dtype=np.uint8)
        >>> classifier = KNeighborsClassifier(n_neighbors=3).fit(images, ["dark", "dark", "light", "light"])
        >>> classifier.predict(np.array([[2, 2], [9, 8]], dtype=np.uint8))
        array(['dark', 'light'], dtype='<U5')
        >>> classifier.kneighbors(np.array([[9, 8]], dtype=np.uint8))
        (array([[ 1,  2, 14]]), array([[2, 3, 1]]))
    """

    def __init__(self, n_neighbors=1, metric="l1"):
        self.n_neighbors = n_neighbors
        self.metric = metric

    def fit(self, images, labels):
        """Remember the training set.

        Args:
            images: numpy array or torch tensor [N, ...], N >= 1, of integers, bools or floats.
            labels: [N]: with numpy images anything numpy makes an array of, with tensors a tensor beside them.

        Returns:
            The classifier itself.

        Raises:
            ValueError: when there are no images, not as many labels as images, or these are on two devices.
            TypeError: when images are no numbers, or one of the two is a tensor and the other is not.
        """
        rows = _neighbors_fast.as_tensor(images, "training images")
        if not isinstance(images, torch.Tensor) and not isinstance(labels, torch.Tensor):
            labels = np.asarray(labels)
        _check_together(images, labels, "the training images", "their labels")
        if len(rows) == 0 or labels.shape != (len(rows),):
            raise ValueError(f"{len(rows)} training images need one label each, got labels {[*labels.shape]}")
        self.images_, self.labels_ = rows, labels
        self.classes_ = labels.unique() if isinstance(labels, torch.Tensor) else np.unique(labels)
        self.n_samples_fit_, self.n_features_in_ = rows.shape
        return self

    def kneighbors(self, images, n_neighbors=None):
        """Find the nearest training images; distances come first, as in scikit-learn.

        Args:
            images: [M, ...], M >= 0, numpy or torch and on the device as the training images are.
            n_neighbors: k, if not the classifier's own.

        Returns:
            (distances, indices), both [M, k], nearest first, of equal distances the lower index first. Indices
            are int64; distances are int64 (L1) or float64 (L2) for integer images, else the images' type.

        Raises:
            sklearn.exceptions.NotFittedError: before `fit`.
            ValueError: when k is not in 1..N, the metric is unknown, the images are of another size or on
                another device, or hold integers so large that distances do not fit into 64 bits.
            TypeError: when k is no integer, or images are no numbers or no tensors where the training images
                are tensors, or the other way round.
        """
        self._check_ready()
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        if isinstance(k, bool) or not isinstance(k, int | np.integer):
            raise TypeError(f"n_neighbors is {k!r}: expected an integer")
        if not 1 <= k <= self.n_samples_fit_:
            raise ValueError(f"n_neighbors is {k}: expected 1 to {self.n_samples_fit_}, the training images")
        rows = _neighbors_fast.as_tensor(images, "images")
        _check_together(images, self.labels_, "the images", "the training images")
        if rows.shape[1] != self.n_features_in_:
            raise ValueError(
                f"images of {rows.shape[1]} values, but training images of {self.n_features_in_}"
            )
        indices, distances = _neighbors_fast.search(self.images_, rows, int(k), self.metric)
        if not isinstance(images, torch.Tensor):
            indices, distances = indices.numpy(), distances.numpy()
        if self.metric == "l2" and not (rows.is_floating_point() or self.images_.is_floating_point()):
            distances = distances**0.5
        return distances, indices

    def predict(self, images):
        """Label images [M, ...] by the vote of their neighbours: [M], in the type of the training labels."""
        _, indices = self.kneighbors(images)
        return self._vote(self.labels_, torch.as_tensor(indices))

    def score(self, images, labels):
        """The fraction of the images [M, ...] that get their own label of labels [M], a float; M >= 1."""
        predicted = self.predict(images)
        if not isinstance(labels, torch.Tensor) and not isinstance(predicted, torch.Tensor):
            labels = np.asarray(labels)
        _check_together(predicted, labels, "the images", "their labels")
        if len(predicted) == 0 or labels.shape != predicted.shape:
            raise ValueError(f"{len(predicted)} images need one label each, got labels {[*labels.shape]}")
        return int((predicted == labels).sum()) / len(labels)

    def choose_k(self, ks, folds=5):
        """Set `n_neighbors` to the best of ks on held-out folds of the training set (see `cross_validate_k`).

        Args:
            ks: the values to try; of equally good ones the smallest is chosen.
            folds: how many folds the training set is cut into, in its order: shuffle it first if it is sorted.

        Returns:
            The k with the highest mean accuracy, an int.

        Raises:
            sklearn.exceptions.NotFittedError: before `fit`.
            ValueError: when ks is empty, folds is not in 2..N, or a k is not in 1 to the images that remain.
        """
        self._check_ready()
        rest = self.n_samples_fit_ - -(-self.n_samples_fit_ // max(folds, 1))
        if not 2 <= folds <= self.n_samples_fit_:
            raise ValueError(
                f"{self.n_samples_fit_} images cannot be cut into {folds} folds: use 2 to that many"
            )
        if len(ks) == 0 or min(ks) < 1 or max(ks) > rest:
            raise ValueError(
                f"ks are {[*ks]}: expected at least one, each 1 to {rest}, the images that remain"
            )
        self.validation_accuracies_ = np.zeros((len(ks), folds))
        for f, held_out in enumerate(np.array_split(np.arange(self.n_samples_fit_), folds)):
            others = np.delete(np.arange(self.n_samples_fit_), held_out)
            indices, _ = _neighbors_fast.search(
                self.images_[others], self.images_[held_out], int(max(ks)), self.metric
            )
            for i, k in enumerate(ks):
                correct = self._vote(self.labels_[others], indices[:, :k]) == self.labels_[held_out]
                self.validation_accuracies_[i, f] = int(correct.sum()) / len(held_out)
        means = self.validation_accuracies_.mean(1)
        self.n_neighbors = int(min(k for k, mean in zip(ks, means, strict=True) if mean == means.max()))
        return self.n_neighbors

    def _vote(self, labels, indices):
        """`vote` among labels[indices] in chunks: it compares each of k labels with each."""
        chunks = torch.split(indices, max(1, 2**24 // indices.shape[1] ** 2))
        if isinstance(labels, torch.Tensor):
            return torch.cat([vote(labels[chunk]) for chunk in chunks])
        return np.concatenate([vote(labels[chunk.numpy()]) for chunk in chunks])

    def _check_ready(self):
        if not hasattr(self, "images_"):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(
                "this KNeighborsClassifier has no training images yet: call fit(images, labels)"
            )
        if self.metric not in ("l1", "l2"):
            raise ValueError(f'the metric is {self.metric!r}: use "l1" or "l2"')


def _check_together(a, b, a_name, b_name):
    """Raise unless both are numpy, or both torch on one device."""
    kinds = ["a tensor" if isinstance(x, torch.Tensor) else "a numpy array" for x in (a, b)]
    if kinds[0] != kinds[1]:
        raise TypeError(f"{a_name} are {kinds[0]} but {b_name} {kinds[1]}: give both as the same")
    if isinstance(a, torch.Tensor) and a.device != b.device:
        raise ValueError(f"{a_name} are on {a.device} but {b_name} on {b.device}: move one with .to(device)")
