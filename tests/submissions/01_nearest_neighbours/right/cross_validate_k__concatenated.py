"""Splits the images themselves, and puts the other folds together."""

import numpy as np
import torch


def together(parts):
    return torch.cat(parts) if isinstance(parts[0], torch.Tensor) else np.concatenate(parts)


def cross_validate_k(images, labels, ks, folds=5):
    if folds < 2 or folds > len(images):
        raise ValueError("folds")
    numbers = np.array_split(np.arange(len(images)), folds)
    image_folds = [images[part] for part in numbers]
    label_folds = [labels[part] for part in numbers]
    result = np.zeros((len(ks), folds))
    for row, k in enumerate(ks):
        for column in range(folds):
            train_images = together(image_folds[:column] + image_folds[column + 1 :])
            train_labels = together(label_folds[:column] + label_folds[column + 1 :])
            indices, _ = nearest(l1_distances(image_folds[column], train_images), k)
            predictions = vote(train_labels[indices])
            result[row, column] = np.mean(
                [p == q for p, q in zip(predictions.tolist(), label_folds[column].tolist())]
            )
    return result
