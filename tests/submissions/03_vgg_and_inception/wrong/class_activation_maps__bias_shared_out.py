"""Shares the bias out among the positions."""

FAILS = "test_the_mean_is_the_logit"

import torch


def class_activation_maps(features, weight, bias):
    return torch.einsum("kc,bchw->bkhw", weight, features) + bias[:, None, None] / features[0, 0].numel()
