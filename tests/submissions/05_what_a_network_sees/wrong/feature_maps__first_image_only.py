"""Returns the map of the first image."""

FAILS = "test_a_layer_in_the_middle"

import torch


@torch.no_grad()
def feature_maps(model, images, layer):
    kept = []
    hook = model.get_submodule(layer).register_forward_hook(lambda module, args, output: kept.append(output.clone()))
    try:
        with evaluating(model):
            model(images)
    finally:
        hook.remove()
    return kept[0][0]
