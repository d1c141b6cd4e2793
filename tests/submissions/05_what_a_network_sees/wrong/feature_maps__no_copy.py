"""Keeps the output itself, which the ReLU behind it overwrites."""

FAILS = "test_what_comes_behind_does_not_show"

import torch


@torch.no_grad()
def feature_maps(model, images, layer):
    kept = []
    hook = model.get_submodule(layer).register_forward_hook(lambda module, args, output: kept.append(output.detach()))
    try:
        with evaluating(model):
            model(images)
    finally:
        hook.remove()
    return kept[0]
