"""Looks at the first image only."""

FAILS = "test_agrees_with_the_classifier"

import torch


def class_activation_maps(features, weight, bias):
    maps = torch.einsum("kc,bchw->bkhw", weight, features) + bias[:, None, None]
    return maps[:1].expand(len(features), -1, -1, -1)
