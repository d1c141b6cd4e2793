"""A row for each fold, a column for each k."""

FAILS = "test_a_row_for_each_k"

import numpy as np
import torch


def cross_validate_k(images, labels, ks, folds=5):
    accuracies = np.zeros((folds, len(ks)))
    for f, held in enumerate(np.array_split(np.arange(len(images)), folds)):
        rest = np.setdiff1d(np.arange(len(images)), held)
        distances = l1_distances(images[held], images[rest])
        for i, k in enumerate(ks):
            winners = vote(labels[rest][nearest(distances, k)[0]])
            correct = winners == labels[held]
            accuracies[f, i] = float((correct * 1.0).mean())
    return accuracies
