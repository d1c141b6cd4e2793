"""Takes any number of folds, also more than there are images: no accuracy at all."""

FAILS = "test_folds_must_be_possible"

import numpy as np
import torch


def cross_validate_k(images, labels, ks, folds=5):
    accuracies = np.zeros((len(ks), folds))
    for f, held in enumerate(np.array_split(np.arange(len(images)), folds)):
        rest = np.setdiff1d(np.arange(len(images)), held)
        distances = l1_distances(images[held], images[rest])
        for i, k in enumerate(ks):
            winners = vote(labels[rest][nearest(distances, k)[0]])
            correct = winners == labels[held]
            accuracies[i, f] = float((correct * 1.0).mean())
    return accuracies
