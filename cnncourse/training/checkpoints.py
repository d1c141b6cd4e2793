"""Checkpoints that a kill, a full disk or a wrong file cannot spoil: written beside, then renamed.

``last.ckpt`` holds what training needs to go on (PyTorch's format, read with ``weights_only=True``: a
checkpoint is data and never runs code); ``best.safetensors`` holds the weights alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

if TYPE_CHECKING:
    from cnncourse.training.loop import Recipe


class TrainingError(RuntimeError):
    """Training cannot go on; the message says why and what to do. The last good checkpoint is untouched."""


def write_beside(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file beside ``path``, then rename it: ``path`` is the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(beside)
        os.replace(beside, path)
    except (OSError, RuntimeError) as error:  # torch's writer turns a full disk into a RuntimeError
        raise TrainingError(
            f"{path} could not be written: {error}. What was there before is untouched."
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as indented JSON, in one piece."""
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"
    write_beside(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def save_weights(
    path: str | os.PathLike, state: Mapping[str, Tensor], dtype: torch.dtype | None = None
) -> None:
    """Write a state dict as safetensors; ``dtype=torch.float16`` halves what floats take."""
    tensors = {
        name: (tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor)
        .cpu()
        .contiguous()
        for name, tensor in state.items()
    }
    write_beside(Path(path), lambda beside: save_file(tensors, beside))


def load_weights(path: str | os.PathLike, model: nn.Module) -> None:
    """Read safetensors into ``model``, converted to its dtype and device.

    Raises:
        TrainingError: the file is not there or is no safetensors file, or holds another architecture.
    """
    try:
        saved = load_file(path)
    except Exception as error:  # safetensors has its own exception, the file system another
        raise TrainingError(f"{path} is not a readable safetensors file: {error}") from error
    if difference := first_difference(model.state_dict(), saved):
        raise TrainingError(f"{path} holds the weights of another architecture: {difference}.")
    model.load_state_dict(saved)


def first_difference(own: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> str | None:
    """Where ``other`` first differs from the state dict ``own`` in names or shapes, in words; or None."""
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
    fabric: Fabric, folder: Path, model, optimizer, recipe: Recipe, history: list[dict], best: bool
):
    """Keep the state after the epochs in ``history``; ``best`` keeps the weights as the best so far, too."""
    state = {"model": model, "optimizer": optimizer, "recipe": asdict(recipe), "history": history}
    # First the best, then the last: killed between the two, a resumed run repeats the epoch and writes both.
    if best and fabric.is_global_zero:
        save_weights(folder / "best.safetensors", model.state_dict())
    if fabric.world_size == 1:
        write_beside(folder / "last.ckpt", lambda beside: fabric.save(beside, state))
    else:  # every process takes part in the saving, the first one writes
        fabric.save(folder / ".last.part", state)
        if fabric.is_global_zero:
            os.replace(folder / ".last.part", folder / "last.ckpt")
    if fabric.is_global_zero:
        write_json(folder / "history.json", history)
    fabric.barrier()


def load_checkpoint(fabric: Fabric, path: Path, model, optimizer, recipe: Recipe) -> list[dict[str, float]]:
    """Put a checkpoint's state into ``model`` and ``optimizer``; returns its history.

    Raises:
        TrainingError: the file is damaged, of another architecture, or was trained by another recipe.
    """
    advice = "Train into another folder, or remove it to start anew."
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        weights, settings, history = saved["model"], saved["recipe"], saved["history"]
    except Exception as error:  # a damaged file fails in many ways inside torch
        raise TrainingError(
            f"{path} is no checkpoint of this course, or damaged ({error}). {advice}"
        ) from error
    if difference := first_difference(model.state_dict(), weights):
        raise TrainingError(f"{path} is of another architecture: {difference}. {advice}")
    for name, value in asdict(recipe).items():
        if settings.get(name) != value:
            raise TrainingError(f"{path} was trained with {name}={settings.get(name)}, not {value}. {advice}")
    model.load_state_dict(weights)
    optimizer.load_state_dict(saved["optimizer"])
    return history
