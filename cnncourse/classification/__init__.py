"""Image classification from AlexNet to ResNet.

Every network takes images float [B, 3, H, W] and gives logits [B, classes]; its ``input_size`` is the height and
width it is meant for.
"""

from functools import partial

from cnncourse.classification.alexnet import alexnet
from cnncourse.classification.googlenet import googlenet
from cnncourse.classification.resnet import cifar_resnet, resnet
from cnncourse.classification.vgg import vgg
from cnncourse.classification.zfnet import WIDENED, zfnet

__all__ = ["NETWORKS", "alexnet", "cifar_resnet", "googlenet", "resnet", "vgg", "zfnet"]

# What a network is called on the command line, and what builds it; every one takes classes=, width=, input_size=.
NETWORKS = {
    "alexnet": alexnet,
    "zfnet": zfnet,
    "zfnet_widened": partial(zfnet, WIDENED),
    **{f"vgg{depth}": partial(vgg, depth) for depth in (11, 13, 16, 19)},
    **{f"vgg{depth}_bn": partial(vgg, depth, batch_norm=True) for depth in (11, 13, 16, 19)},
    "googlenet": googlenet,
    **{f"resnet{depth}": partial(resnet, depth) for depth in (18, 34, 50, 101, 152)},
    **{f"plain{depth}": partial(resnet, depth, residual=False) for depth in (18, 34)},
    **{f"cifar_resnet{depth}": partial(cifar_resnet, depth) for depth in (20, 32, 44, 56, 110)},
    **{
        f"cifar_plain{depth}": partial(cifar_resnet, depth, residual=False) for depth in (20, 32, 44, 56, 110)
    },
}
