"""Gives the model its mode back, and all its parts the same: frozen parts are frozen no more."""

FAILS = "test_the_mode_is_given_back"

import torch


@torch.no_grad()
def feature_maps(model, images, layer):
    kept = []
    hook = model.get_submodule(layer).register_forward_hook(lambda module, args, output: kept.append(output.clone()))
    training = model.training
    model.eval()
    try:
        model(images)
    finally:
        hook.remove()
        model.train(training)
    return kept[0]
