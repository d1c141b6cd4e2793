"""The product of the identity matrix and of a kernel with a one in the middle."""

import torch


def identity_kernel(channels, kernel=3):
    line = (torch.arange(kernel) == kernel // 2).float()
    return torch.einsum("oi,h,w->oihw", torch.eye(channels), line, line)
