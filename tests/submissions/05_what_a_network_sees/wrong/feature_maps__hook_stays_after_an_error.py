"""Takes the hook off only where nothing went wrong."""

FAILS = "test_no_hook_is_left_after_an_error"

import torch


@torch.no_grad()
def feature_maps(model, images, layer):
    kept = []
    hook = model.get_submodule(layer).register_forward_hook(lambda module, args, output: kept.append(output.clone()))
    with evaluating(model):
        model(images)
    hook.remove()
    return kept[0]
