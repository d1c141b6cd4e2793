"""Divides by the number of positions, so that the sum is the logit."""

FAILS = "test_the_mean_is_the_logit"

import torch


def class_activation_maps(features, weight, bias):
    maps = torch.einsum("kc,bchw->bkhw", weight, features) + bias[:, None, None]
    return maps / features[0, 0].numel()
