"""The fully convolutional networks at course size: how they are trained on scenes, and measured.

They stand on the same trunk as the detectors, whose five poolings make the strides 32, 16 and 8 of the paper. A
scene's side is three cells of stride 32, where VOC's images have about fifteen: what a coarse map loses is larger
here than there.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.data import voc
from cnncourse.segmentation import metrics
from cnncourse.segmentation.fcn import FCN, fix_all_but_score, segmentation_loss
from cnncourse.training.detectors import BACKGROUND_TOO, channels_last, classifier

SKIPS = {"fcn32s": 0, "fcn16s": 1, "fcn8s": 2}
MEAN, STD = 0.5, 0.25  # of the trunk's training


class MaskedImages:
    """Images and masks as the training loop takes them; a batch is (float ``[B, 3, H, W]``, int64 ``[B, H, W]``).

    Args:
        samples: an image, uint8 ``[H, W, 3]``, comes first and its mask, uint8 ``[H, W]``, last in each: 0 is the
            background, 255 void. Images of one batch have one size, so photographs go one at a time.
        flip: whether training mirrors half of them.
    """

    def __init__(self, samples: Sequence[tuple], flip: bool = False):
        self.samples, self.flip = samples, flip

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, *_, mask = self.samples[index]
        return torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(mask)

    def augment(self, sample: tuple[Tensor, Tensor], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        mirrored = self.flip and torch.rand((), generator=generator) < 0.5
        return tuple(part.flip(-1) for part in sample) if mirrored else sample

    def collate(self, samples: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        images, masks = (torch.stack(parts) for parts in zip(*samples, strict=True))
        return normalised(images), masks.long()


def normalised(images: Tensor) -> Tensor:
    """Values in [0, 255] to what the trunk was trained on: float, (x / 255 - 0.5) / 0.25."""
    return (images.float() / 255 - MEAN) / STD


def fcn(
    skips: int,
    trunk: nn.Module | None = None,
    only_score: bool = False,
    classes: int = BACKGROUND_TOO,
    upsampling: str = "fixed",
) -> FCN:
    """FCN-32s, 16s or 8s on a trained `classifier` (None: an untrained one).

    Args:
        only_score: train the last layer alone, the paper's FCN-32s-fixed. (Batch normalisation, which the paper's
            network has not, goes on averaging what it sees.)
        classes: with the background.
        upsampling: of `FCN`.
    """
    model = channels_last(FCN(trunk or classifier(), classes, skips, upsampling=upsampling))
    return fix_all_but_score(model) if only_score else model


def segmentation_step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean loss of the pixels that are not void."""
    images, masks = batch
    return segmentation_loss(model(images), masks, normalize=True), {}


@torch.no_grad()
def measures(model: nn.Module, data: MaskedImages, classes: int = BACKGROUND_TOO) -> dict[str, float]:
    """The paper's four measures over all pixels of ``data``, in percent; the model is left in evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    matrix = torch.zeros(classes, classes, dtype=torch.int64)
    for index in range(len(data)):
        images, masks = data.collate([data[index]])
        matrix += metrics.confusion_matrix(model(images.to(device)).argmax(1).cpu(), masks, classes)
    return _percent(matrix)


def ceiling(data: MaskedImages, stride: int, classes: int = BACKGROUND_TOO) -> dict[str, float]:
    """The measures of the truth itself, known at every ``stride``-th pixel only and interpolated between them."""
    matrix = torch.zeros(classes, classes, dtype=torch.int64)
    for index in range(len(data)):
        mask = data[index][1].long()
        known = torch.where(mask == voc.VOID, 0, mask)[stride // 2 :: stride, stride // 2 :: stride]
        scores = F.one_hot(known, classes).permute(2, 0, 1)[None].float()
        enlarged = F.interpolate(scores, size=mask.shape, mode="bilinear", align_corners=False)
        matrix += metrics.confusion_matrix(enlarged.argmax(1)[0], mask, classes)
    return _percent(matrix)


def _percent(matrix: Tensor) -> dict[str, float]:
    found = {
        "pixel_accuracy": metrics.pixel_accuracy(matrix),
        "mean_accuracy": metrics.mean_accuracy(matrix),
        "mean_iu": metrics.mean_iu(matrix),
        "frequency_weighted_iu": metrics.frequency_weighted_iu(matrix),
    }
    return {name: round(100 * value.item(), 2) for name, value in found.items()}
