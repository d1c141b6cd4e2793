"""Takes the weights to be [C, K]."""

FAILS = "test_agrees_with_the_classifier"

import torch


def class_activation_maps(features, weight, bias):
    return torch.einsum("ck,bchw->bkhw", weight, features) + bias[:, None, None]
