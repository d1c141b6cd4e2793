"""Holds one vote for all test images together."""

FAILS = "test_each_row_by_itself"

import numpy as np
import torch


def vote(labels):
    flat = labels.reshape(-1)
    winner = flat[(flat[:, None] == flat[None]).sum(-1).argmax()]
    return labels[:, 0] * 0 + winner
