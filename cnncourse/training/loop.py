"""The training loop of the course, short enough to be read in one sitting.

It is an ordinary PyTorch loop; Lightning Fabric carries the same lines to a GPU, to mixed precision and to
several processes under ``torchrun``. What makes a run repeatable is stated once, here:

* the order of the images depends on (seed, epoch) alone, and what augmentation does to an image on (seed,
  epoch, the image's index) alone: not on the number of processes, nor on where an interrupted run went on;
* every epoch starts by seeding torch from (seed, epoch, rank), which dropout draws from.

So a run that was killed and resumed at its last checkpoint ends in the same weights, bit for bit on one CPU.
Several processes give the sums of one process in another order: equal to rounding, for networks without
dropout. Batch normalisation sees the whole batch on GPUs (SyncBatchNorm); of several CPU processes, each sees
its own part.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from cnncourse.training.checkpoints import load_checkpoint, save_checkpoint
from cnncourse.training.recipe import Recipe

Batch = Any  # what a data set's `collate` returns; for images (uint8 or float [B, ...], int64 [B])
Step = Callable[[nn.Module, Batch], tuple[Tensor, Mapping[str, Tensor]]]


class Data(Protocol):
    """What can be trained on. ``augment(sample, generator)`` and ``collate(samples)`` belong to the data."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Any: ...
    def augment(self, sample: Any, generator: torch.Generator) -> Any: ...
    def collate(self, samples: Sequence[Any]) -> Batch: ...


class TrainingError(RuntimeError):
    """Training cannot go on, and no file is to blame; the message says why and what to do.

    The last good checkpoint is untouched.
    """


def classification_step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """Softmax loss and top-1 error of one batch.

    The losses of GoogLeNet's auxiliary heads count 0.3 each (section 5 of Szegedy et al., 2015).

    Args:
        model: images to logits ``[B, classes]``, or to a tuple of these, the auxiliary heads' behind the first.
        batch: images float ``[B, 3, H, W]`` and labels int64 ``[B]``.

    Returns:
        The loss, a scalar, and ``{"error": the share of wrong answers}``.
    """
    images, labels = batch
    outputs = model(images)
    scores, *auxiliary = outputs if isinstance(outputs, tuple) else (outputs,)
    loss = nn.functional.cross_entropy(scores, labels)
    for head in auxiliary:
        loss = loss + 0.3 * nn.functional.cross_entropy(head, labels)
    return loss, {"error": (scores.argmax(1) != labels).float().mean()}


def train(
    model: nn.Module,
    data: Data,
    recipe: Recipe,
    *,
    step: Step = classification_step,
    validation: Data | None = None,
    metric: str = "error",
    fabric: Fabric | None = None,
    folder: str | os.PathLike | None = None,
    workers: int = 0,
    progress: Callable[[dict], None] | None = None,
) -> list[dict[str, float]]:
    """Train ``model`` in place; returns a dict for each epoch: its number, ``lr``, means, ``validation_*``.

    Args:
        model: trained in place.
        data: what to train on; the last batch of an epoch is left out when it is not full.
        recipe: how.
        step: ``step(model, batch) -> (loss, metrics)``, metrics being means over the batch.
        validation: evaluated after every epoch.
        metric: the epoch with the lowest ``validation_<metric>`` is kept as the best (without validation, the
            lowest training value).
        fabric: where and how to compute; by default one process in float32 on the CPU.
        folder: keeps ``last.ckpt``, ``best.safetensors`` and ``history.json``. If it holds a checkpoint of
            this model and recipe, training goes on from there.
        workers: processes that load images.
        progress: called after every step with a dict to show.

    Raises:
        TrainingError: less data than a batch, a batch that the processes cannot share, or a loss that is not finite.
        FileError: a checkpoint that cannot be read or written, or is of another model or recipe.
    """
    fabric = fabric or Fabric(accelerator="cpu", devices=1)
    _check(data, recipe, fabric)
    model, optimizer = _setup(fabric, model, recipe)
    folder = Path(folder) if folder is not None else None
    history: list[dict[str, float]] = []
    if folder is not None and (folder / "last.ckpt").exists():
        history = load_checkpoint(folder / "last.ckpt", model, optimizer, recipe)
    for epoch in range(len(history), recipe.epochs):
        row = _train_epoch(fabric, model, optimizer, data, recipe, epoch, step, workers, progress)
        if validation is not None:
            scores = evaluate(model, validation, step, recipe.batch_size, fabric, workers)
            row |= {f"validation_{name}": value for name, value in scores.items()}
        history.append(row)
        if folder is not None:
            best = _is_best(history, metric if validation is None else f"validation_{metric}")
            save_checkpoint(fabric, folder, model, optimizer, recipe, history, best)
    return history


def _check(data: Data, recipe: Recipe, fabric: Fabric) -> None:
    if len(data) < recipe.batch_size:
        raise TrainingError(
            f"There are {len(data)} images to train on, fewer than one batch of {recipe.batch_size}. "
            "Check the path of the data, or lower the batch size."
        )
    if recipe.batch_size % fabric.world_size:
        raise TrainingError(
            f"A batch of {recipe.batch_size} images cannot be shared evenly by {fabric.world_size} "
            f"processes: choose a multiple of {fabric.world_size}."
        )


def _setup(fabric: Fabric, model: nn.Module, recipe: Recipe):
    if fabric.world_size > 1 and fabric.device.type == "cuda":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    return fabric.setup(model, recipe.build_optimizer(model.parameters()))


def _is_best(history: list[dict[str, float]], metric: str) -> bool:
    return history[-1][metric] <= min(row[metric] for row in history)


def _train_epoch(fabric, model, optimizer, data, recipe, epoch, step, workers, progress) -> dict[str, float]:
    torch.manual_seed(_mix(recipe.seed, epoch, fabric.global_rank))
    model.train()
    loader = epoch_loader(data, recipe, epoch, fabric.global_rank, fabric.world_size, workers)
    sums: dict[str, Tensor] = {}
    for number, batch in enumerate(loader):
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr_at(epoch + (number + 1) / len(loader))
        loss, metrics = step(model, fabric.to_device(batch))
        fabric.backward(loss)
        if recipe.clip is not None:
            fabric.clip_gradients(model, optimizer, max_norm=recipe.clip)
        if not math.isfinite(value := loss.item()):
            raise TrainingError(
                f"The loss became {value} in epoch {epoch}, step {number} (learning rate {group['lr']:.3g}). "
                "The last checkpoint is from before. Usual cures: a lower learning rate, a warm-up, clipping."
            )
        optimizer.step()
        optimizer.zero_grad()
        for name, value in {"loss": loss, **metrics}.items():
            sums[name] = sums.get(name, 0) + value.detach()
        if progress is not None and fabric.is_global_zero:
            progress({"epoch": epoch, "step": number, "steps": len(loader), **_means(sums, number + 1)})
    means = {name: fabric.all_reduce(value / len(loader)).item() for name, value in sums.items()}
    return {"epoch": epoch, "lr": group["lr"], **means}


def _means(sums: Mapping[str, Tensor], count: int) -> dict[str, float]:
    return {name: (value / count).item() for name, value in sums.items()}


@torch.no_grad()
def evaluate(
    model: nn.Module,
    data: Data,
    step: Step = classification_step,
    batch_size: int = 256,
    fabric: Fabric | None = None,
    workers: int = 0,
) -> dict[str, float]:
    """Means of the loss and the metrics over all of ``data``, in evaluation mode, without augmentation.

    The arguments are those of `train`; ``batch_size`` is of each process.
    """
    fabric = fabric or Fabric(accelerator="cpu", devices=1)
    was_training = model.training
    model.eval()
    mine = range(fabric.global_rank, len(data), fabric.world_size)
    parts = [mine[start : start + batch_size] for start in range(0, len(mine), batch_size)]
    sums: dict[str, Tensor] = {}
    for part, batch in zip(parts, _loader(data, parts, None, workers), strict=True):
        loss, metrics = step(model, fabric.to_device(batch))
        for name, value in {"loss": loss, **metrics}.items():
            sums[name] = sums.get(name, 0) + value.double() * len(part)
    model.train(was_training)
    return {
        name: fabric.all_reduce(value, reduce_op="sum").item() / len(data) for name, value in sums.items()
    }


def epoch_loader(
    data: Data, recipe: Recipe, epoch: int, rank: int = 0, world: int = 1, workers: int = 0
) -> DataLoader:
    """One epoch: a permutation by (seed, epoch), cut into batches of which each rank takes its part.

    Args:
        rank, world: which process this is, of how many.
        workers: processes that load images.
    """
    generator = torch.Generator().manual_seed(_mix(recipe.seed, epoch))
    order = torch.randperm(len(data), generator=generator).tolist()
    full = len(data) // recipe.batch_size
    batches = [order[i * recipe.batch_size : (i + 1) * recipe.batch_size][rank::world] for i in range(full)]
    return _loader(data, batches, (recipe.seed, epoch), workers)


def _loader(
    data: Data, batches: Sequence[Sequence[int]], augment: tuple[int, int] | None, workers: int
) -> DataLoader:
    # A forked worker inherits the locks of torch's thread pool; a spawned one starts clean.
    context = "spawn" if workers else None
    return DataLoader(
        _Epoch(data, augment),
        batch_sampler=batches,
        collate_fn=_identity,
        num_workers=workers,
        multiprocessing_context=context,
    )


def _identity(batch: Batch) -> Batch:
    return batch


class _Epoch(Dataset):
    """``data`` as DataLoader wants it: indices in, a batch out. ``key`` (seed, epoch) seeds augmentation."""

    def __init__(self, data: Data, key: tuple[int, int] | None):
        self.data, self.key = data, key

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        samples = [self.data[index] for index in indices]
        if self.key is not None:
            samples = [
                self.data.augment(sample, torch.Generator().manual_seed(_mix(*self.key, index)))
                for sample, index in zip(samples, indices, strict=True)
            ]
        return self.data.collate(samples)


def _mix(*numbers: int) -> int:
    """One well-mixed 63-bit seed of several numbers (FNV-1a over them, then splitmix64's finish)."""
    state = 0xCBF29CE484222325
    for number in numbers:
        state = ((state ^ (number & 0xFFFFFFFFFFFFFFFF)) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return (state ^ (state >> 31)) & 0x7FFFFFFFFFFFFFFF
