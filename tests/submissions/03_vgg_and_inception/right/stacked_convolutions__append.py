"""Appends to an empty Sequential; padding by name."""

from torch import nn


def stacked_convolutions(channels, kernel=3, layers=3):
    if not kernel % 2:
        raise ValueError("an even kernel")
    network = nn.Sequential()
    while len(network) < 2 * layers:
        network.append(nn.Conv2d(channels, channels, kernel_size=kernel, stride=1, padding="same", bias=True))
        network.append(nn.ReLU(inplace=True))
    return network
