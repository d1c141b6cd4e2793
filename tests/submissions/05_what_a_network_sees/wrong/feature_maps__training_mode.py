"""Runs the model in the mode that it is in: batch statistics and dropout."""

FAILS = "test_evaluation_mode"

import torch


@torch.no_grad()
def feature_maps(model, images, layer):
    kept = []
    hook = model.get_submodule(layer).register_forward_hook(lambda module, args, output: kept.append(output.clone()))
    try:
        model(images)
    finally:
        hook.remove()
    return kept[0]
