"""Cuts off what speaks against a class."""

FAILS = "test_maps_are_not_rescaled"

import torch


def class_activation_maps(features, weight, bias):
    maps = torch.einsum("kc,bchw->bkhw", weight, features) + bias[:, None, None]
    return maps.relu()
