"""Leaves out the ReLU of the stem."""

FAILS = "test_one_block_a_stage"

from torch import nn


class ResNet(nn.Module):
    def __init__(
        self, block, blocks, channels=64, stem="imagenet", classes=1000, input_size=224, **block_options
    ):
        super().__init__()
        if stem not in ("imagenet", "small"):
            raise ValueError(f'stem={stem!r}: "imagenet" or "small".')
        self.input_size = input_size
        kernel, stride = (7, 2) if stem == "imagenet" else (3, 1)
        self.conv1 = nn.Conv2d(3, channels, kernel, stride, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1) if stem == "imagenet" else nn.Identity()
        self.stages = [f"layer{number}" for number in range(1, len(blocks) + 1)]
        width = channels
        for number, (name, count) in enumerate(zip(self.stages, blocks, strict=True)):
            stride = 1 if number == 0 else 2
            stage = self.make_stage(block, width, channels * 2**number, count, stride, **block_options)
            setattr(self, name, stage)
            width = channels * 2**number * block.expansion
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width, classes)
        initialise(self)

    def make_stage(self, block, in_channels, channels, count, stride, **block_options):
        parts = [block(in_channels, channels, stride, **block_options)]
        for _ in range(count - 1):
            parts.append(block(channels * block.expansion, channels, **block_options))
        return nn.Sequential(*parts)

    def forward(self, images):
        x = self.maxpool(self.bn1(self.conv1(images)))
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.fc(self.avgpool(x).flatten(1))
