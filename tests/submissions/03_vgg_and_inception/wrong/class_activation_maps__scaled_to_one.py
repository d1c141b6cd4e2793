"""Scales every map to 0 to 1."""

FAILS = "test_maps_are_not_rescaled"

import torch


def class_activation_maps(features, weight, bias):
    maps = torch.einsum("kc,bchw->bkhw", weight, features) + bias[:, None, None]
    low = maps.amin((2, 3), keepdim=True)
    return (maps - low) / (maps.amax((2, 3), keepdim=True) - low + 1e-8)
