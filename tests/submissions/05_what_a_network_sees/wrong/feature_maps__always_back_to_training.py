"""Puts the model into training mode afterwards, whatever it was in."""

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
        model.train()
    return kept[0]
