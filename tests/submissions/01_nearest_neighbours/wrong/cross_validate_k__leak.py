"""Trains on all images, the fold included."""

FAILS = "test_the_fold_is_held_out"

import numpy as np
import torch


def cross_validate_k(images, labels, ks, folds=5):
    accuracies = np.zeros((len(ks), folds))
    for f, held in enumerate(np.array_split(np.arange(len(images)), folds)):
        rest = np.arange(len(images))
        distances = l1_distances(images[held], images[rest])
        for i, k in enumerate(ks):
            winners = vote(labels[rest][nearest(distances, k)[0]])
            correct = winners == labels[held]
            accuracies[i, f] = float((correct * 1.0).mean())
    return accuracies
