"""Scales the columns first."""

import torch


def shift_colours(images, values, directions, alphas):
    scaled = directions * values
    shifts = [scaled @ alpha for alpha in alphas]
    return torch.stack([image + shift.view(3, 1, 1) for image, shift in zip(images, shifts)])
