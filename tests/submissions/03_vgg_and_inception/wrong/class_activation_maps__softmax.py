"""A softmax over the classes."""

FAILS = "test_worked_example"

import torch


def class_activation_maps(features, weight, bias):
    maps = torch.einsum("kc,bchw->bkhw", weight, features) + bias[:, None, None]
    return maps.softmax(1)
