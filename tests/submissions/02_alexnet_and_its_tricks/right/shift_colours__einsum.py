"""One einsum, in float64."""

import torch


def shift_colours(images, values, directions, alphas):
    shift = torch.einsum("bi,i,ci->bc", alphas.double(), values.double(), directions.double())
    return (images.double() + shift.reshape(-1, 3, 1, 1)).to(images.dtype)
