"""The nearest neighbours of real data: the answers of `cnncourse.neighbors.plain`, faster and in bounded memory."""

import numpy as np
import torch

from cnncourse.neighbors import _fast
from cnncourse.neighbors.plain import vote


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
            ValueError: when the metric is unknown, there are no images, not as many labels as images, or these are
                on two devices.
            TypeError: when images are no numbers, or one of the two is a tensor and the other is not.
        """
        self._check_metric()
        rows = _fast.as_tensor(images, "training images")
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
        rows = _fast.as_tensor(images, "images")
        _check_together(images, self.labels_, "the images", "the training images")
        if rows.shape[1] != self.n_features_in_:
            raise ValueError(
                f"images of {rows.shape[1]} values, but training images of {self.n_features_in_}"
            )
        indices, distances = _fast.search(self.images_, rows, int(k), self.metric)
        if not isinstance(images, torch.Tensor):
            indices, distances = indices.numpy(), distances.numpy()
        if self.metric == "l2" and not (rows.is_floating_point() or self.images_.is_floating_point()):
            distances = distances**0.5
        return distances, indices

    def predict(self, images):
        """Label images [M, ...] by the vote of their neighbours: [M], in the type of the training labels.

        Raises:
            sklearn.exceptions.NotFittedError, ValueError, TypeError: as `kneighbors`.
        """
        _, indices = self.kneighbors(images)
        return self._vote(self.labels_, torch.as_tensor(indices))

    def score(self, images, labels):
        """The fraction of the images [M, ...] that get their own label of labels [M], a float; M >= 1.

        Raises:
            sklearn.exceptions.NotFittedError: before `fit`.
            ValueError: as `kneighbors`, or when there are no images, or not as many labels as images.
            TypeError: as `kneighbors`, or when one of the two is a tensor and the other is not.
        """
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
            ValueError: when the metric is unknown, ks is empty, folds is not in 2..N, or a k is not in 1 to the
                images that remain.
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
            indices, _ = _fast.search(self.images_[others], self.images_[held_out], int(max(ks)), self.metric)
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
        self._check_metric()

    def _check_metric(self):
        if self.metric not in ("l1", "l2"):
            raise ValueError(f'the metric is {self.metric!r}: use "l1" or "l2"')


def _check_together(a, b, a_name, b_name):
    """Raise unless both are numpy, or both torch on one device."""
    kinds = ["a tensor" if isinstance(x, torch.Tensor) else "a numpy array" for x in (a, b)]
    if kinds[0] != kinds[1]:
        raise TypeError(f"{a_name} are {kinds[0]} but {b_name} {kinds[1]}: give both as the same")
    if isinstance(a, torch.Tensor) and a.device != b.device:
        raise ValueError(f"{a_name} are on {a.device} but {b_name} on {b.device}: move one with .to(device)")
