"""Leaves the model in evaluation mode: training would go on without dropout."""

FAILS = "test_the_mode_is_given_back"

import torch


@torch.no_grad()
def feature_maps(model, images, layer):
    kept = []
    hook = model.get_submodule(layer).register_forward_hook(lambda module, args, output: kept.append(output.clone()))
    model.eval()
    try:
        model(images)
    finally:
        hook.remove()
    return kept[0]
