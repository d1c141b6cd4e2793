"""Leaves the channels beside each other."""

FAILS = "test_worked_example"


def class_activation_maps(features, weight, bias):
    return weight[None, :, :, None, None] * features[:, None] + bias[:, None, None, None]
