"""Cuts the maps off from the features."""

FAILS = "test_gradients"

import torch


def class_activation_maps(features, weight, bias):
    maps = torch.einsum("kc,bchw->bkhw", weight, features) + bias[:, None, None]
    return maps.detach()
