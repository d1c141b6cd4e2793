"""Keeps the output in a list, and gives each part its mode back by hand."""

import torch


def feature_maps(model, images, layer):
    found = []
    modes = {part: part.training for part in model.modules()}
    handle = model.get_submodule(layer).register_forward_hook(lambda m, i, o: found.append(o.detach().clone()))
    model.eval()
    try:
        with torch.no_grad():
            model(images)
    finally:
        handle.remove()
        for part, training in modes.items():
            part.training = training
    return found[-1]
