"""Checkpoints that a kill, a full disk or a wrong file cannot spoil: written beside, then renamed.

``last.ckpt`` holds what training needs to go on (PyTorch's format, read with ``weights_only=True``: a
checkpoint is data and never runs code); ``best.safetensors`` holds the weights alone.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from cnncourse.files import FileError, write_beside, write_json
from cnncourse.training.recipe import Recipe


def save_weights(
    path: str | os.PathLike, state: Mapping[str, Tensor], dtype: torch.dtype | None = None
) -> None:
    """Write a state dict as safetensors.

    Args:
        path: the file; its folder is made where it is missing.
        state: tensors of any shape and device, by name.
        dtype: of the floating-point tensors; torch.float16 halves what float32 takes. None keeps each one's.

    Raises:
        FileError: the file cannot be written; what was there before is untouched.
    """
    tensors = {
        name: (tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor)
        .cpu()
        .contiguous()
        for name, tensor in state.items()
    }
    write_beside(path, lambda beside: save_file(tensors, beside))


def load_weights(path: str | os.PathLike, model: nn.Module) -> None:
    """Read safetensors into ``model``, converted to its dtype and device.

    Raises:
        FileError: the file is not there or is no safetensors file, or holds another architecture.
    """
    try:
        saved = load_file(path)
    except Exception as error:  # safetensors has its own exception, the file system another
        raise FileError(f"{path} is not a readable safetensors file: {error}") from error
    if difference := first_difference(model.state_dict(), saved):
        raise FileError(f"{path} holds the weights of another architecture: {difference}.")
    model.load_state_dict(saved)


def first_difference(own: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> str | None:
    """Where ``other`` first differs from the state dict ``own`` in names or shapes, in words; or None.

    Both hold tensors of any shape by name.
    """
    for name, tensor in own.items():
        if name not in other:
            return f"it has no {name}, here of shape {tuple(tensor.shape)}"
        if other[name].shape != tensor.shape:
            return f"its {name} is {tuple(other[name].shape)}, here it is {tuple(tensor.shape)}"
    for name in other:
        if name not in own:
            return f"it has {name}, which is not part of this model"
    return None


def save_checkpoint(
    fabric: Fabric,
    folder: Path,
    model: nn.Module,
    optimizer: Optimizer,
    recipe: Recipe,
    history: list[dict[str, float]],
    best: bool,
) -> None:
    """Keep the state after the epochs in ``history``; ``best`` keeps the weights as the best so far, too.

    Raises:
        FileError: a file cannot be written; what was there before is untouched.
    """
    state = {"model": model, "optimizer": optimizer, "recipe": asdict(recipe), "history": history}
    # First the best, then the last: killed between the two, a resumed run repeats the epoch and writes both.
    if best and fabric.is_global_zero:
        save_weights(folder / "best.safetensors", model.state_dict())
    if fabric.is_global_zero:
        write_beside(folder / "last.ckpt", lambda beside: fabric.save(beside, state))
        write_json(folder / "history.json", history)
    else:  # every process takes part in the saving, the first one writes
        fabric.save(folder / "last.ckpt", state)
    fabric.barrier()


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: Optimizer, recipe: Recipe
) -> list[dict[str, float]]:
    """Put a checkpoint's state into ``model`` and ``optimizer``; returns its history.

    Raises:
        FileError: the file is damaged, of another architecture, or was trained by another recipe.
    """
    advice = "Train into another folder, or remove it to start anew."
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        weights, settings, history = saved["model"], saved["recipe"], saved["history"]
    except Exception as error:  # a damaged file fails in many ways inside torch
        raise FileError(f"{path} is no checkpoint of this course, or damaged ({error}). {advice}") from error
    if difference := first_difference(model.state_dict(), weights):
        raise FileError(f"{path} is of another architecture: {difference}. {advice}")
    for name, value in asdict(recipe).items():
        if settings.get(name) != value:
            raise FileError(f"{path} was trained with {name}={settings.get(name)}, not {value}. {advice}")
    model.load_state_dict(weights)
    optimizer.load_state_dict(saved["optimizer"])
    return history
