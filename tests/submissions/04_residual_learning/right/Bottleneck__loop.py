"""Makes and applies its layers in a loop."""

from torch import nn


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(
        self, in_channels, channels, stride=1, shortcut="projection", residual=True, stride_in="1x1"
    ):
        if stride_in != "1x1" and stride_in != "3x3":
            raise ValueError("1x1 or 3x3")
        super().__init__()
        strides = [1, 1, 1]
        strides[("1x1", "3x3").index(stride_in)] = stride
        widths = [in_channels, channels, channels, self.expansion * channels]
        for i in range(3):
            size = 3 if i == 1 else 1
            conv = nn.Conv2d(widths[i], widths[i + 1], size, strides[i], size // 2, bias=False)
            setattr(self, f"conv{i + 1}", conv)
            setattr(self, f"bn{i + 1}", nn.BatchNorm2d(widths[i + 1]))
        self.residual = residual
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if residual:
            self.downsample = make_shortcut(shortcut, in_channels, widths[-1], stride)

    def forward(self, x):
        out = x
        for i in (1, 2, 3):
            out = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(out))
            if i == 3 and self.residual:
                out = out + self.downsample(x)
            out = self.relu(out)
        return out
