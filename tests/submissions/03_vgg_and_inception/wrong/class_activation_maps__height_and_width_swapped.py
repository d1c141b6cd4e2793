"""Swaps height and width."""

FAILS = "test_every_position_by_itself"

import torch


def class_activation_maps(features, weight, bias):
    maps = torch.einsum("kc,bchw->bkhw", weight, features) + bias[:, None, None]
    return maps.transpose(2, 3)
