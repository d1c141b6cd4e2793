"""Leaves out the bias."""

FAILS = "test_the_mean_is_the_logit"

import torch


def class_activation_maps(features, weight, bias):
    return torch.einsum("kc,bchw->bkhw", weight, features)
