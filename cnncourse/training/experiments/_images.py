"""What the experiments on nearest neighbours share."""

import numpy as np

from cnncourse.data import cifar10


def drawn(split: str, count: int, seed: int, data=None) -> tuple[np.ndarray, np.ndarray]:
    """`count` images drawn from the whole split without repetition, in random order: images [count, 32, 32, 3], labels."""
    images, labels = cifar10.load(split, data=data)
    chosen = np.random.default_rng(seed).permutation(len(images))[:count]
    return images[chosen], labels[chosen]
