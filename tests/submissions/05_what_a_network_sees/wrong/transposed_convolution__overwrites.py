"""Where filters overlap, the last one wins."""

FAILS = "test_overlaps_add_up"

import torch


def transposed_convolution(signal, weight, height, width, stride=(1, 1), padding=(0, 0), groups=1):
    (b, n, h, w), (_, c, kh, kw) = signal.shape, weight.shape
    full = signal.new_zeros(b, groups * c, height + 2 * padding[0] + kh, width + 2 * padding[1] + kw)
    for r in range(h):
        for q in range(w):
            for g in range(groups):
                part = slice(g * n // groups, (g + 1) * n // groups)
                laid = torch.einsum("bn,nchw->bchw", signal[:, part, r, q], weight[part])
                top, left = r * stride[0], q * stride[1]
                full[:, g * c : (g + 1) * c, top : top + kh, left : left + kw] = laid
    return full[:, :, padding[0] : padding[0] + height, padding[1] : padding[1] + width].clone()
