"""Averages first, so that every position says the same."""

FAILS = "test_every_position_by_itself"


def class_activation_maps(features, weight, bias):
    logits = features.mean((2, 3)) @ weight.T + bias
    return logits[:, :, None, None].expand(-1, -1, *features.shape[2:])
