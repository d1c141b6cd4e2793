"""Adds the bias along the width."""

FAILS = "test_agrees_with_the_classifier"

import torch


def class_activation_maps(features, weight, bias):
    return torch.einsum("kc,bchw->bkhw", weight, features) + bias
