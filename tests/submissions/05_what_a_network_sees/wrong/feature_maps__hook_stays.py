"""Never takes the hook off."""

FAILS = "test_no_hook_is_left"

import torch


@torch.no_grad()
def feature_maps(model, images, layer):
    kept = []
    model.get_submodule(layer).register_forward_hook(lambda module, args, output: kept.append(output.clone()))
    with evaluating(model):
        model(images)
    return kept[0]
