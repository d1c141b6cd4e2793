"""The handle of a hook is a context, too."""

import torch


def feature_maps(model, images, layer):
    kept = {}

    def keep(module, inputs, output):
        kept["map"] = output + 0

    with torch.no_grad(), evaluating(model):
        with dict(model.named_modules())[layer].register_forward_hook(keep):
            model(images)
    return kept["map"]
