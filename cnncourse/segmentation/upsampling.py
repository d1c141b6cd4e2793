"""Upsampling: copying, unpooling, interpolation, transposed convolution; and dilated convolution.

Maps are float tensors ``[B, C, H, W]`` (``[B, C, L]`` in one dimension). Weights are laid out as in
PyTorch: a convolution's ``[C_out, C_in, k, k]``, a transposed convolution's ``[C_in, C_out, k, k]`` -- the
same tensor, for a transposed convolution maps the convolution's outputs back to its inputs.

Transposed convolution is written three ways that agree: scatter and add, the transpose of the convolution's
matrix, and the backward pass of the convolution. Its other names are fractionally strided convolution,
up-convolution and (wrongly, for it inverts nothing) deconvolution.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


# ------------------------------------------------------------------------------------ copying and unpooling
def nearest_upsample(x: Tensor, factor: int) -> Tensor:
    """Repeat every value in a ``factor`` x ``factor`` square.

    Args:
        x: ``[B, C, H, W]``, any dtype.
        factor: at least 1.

    Returns:
        ``[B, C, factor * H, factor * W]``.

    Raises:
        ValueError: the factor is below 1.
    """
    _check_positive("factor", factor)
    return x.repeat_interleave(factor, dim=-2).repeat_interleave(factor, dim=-1)


def bed_of_nails_upsample(x: Tensor, factor: int) -> Tensor:
    """Put every value into the upper left corner of a ``factor`` x ``factor`` square of zeros.

    Args:
        x: ``[B, C, H, W]``, any dtype.
        factor: at least 1.

    Returns:
        ``[B, C, factor * H, factor * W]``.

    Raises:
        ValueError: the factor is below 1.
    """
    _check_positive("factor", factor)
    *leading, height, width = x.shape
    out = x.new_zeros(*leading, factor * height, factor * width)
    out[..., ::factor, ::factor] = x
    return out


def max_pool_with_positions(x: Tensor, kernel_size: int, stride: int | None = None) -> tuple[Tensor, Tensor]:
    """Max pooling that remembers where each maximum stood.

    Args:
        x: ``[B, C, H, W]``.
        kernel_size: side of the window; windows that do not fit are left out.
        stride: step between windows, ``kernel_size`` when None.

    Returns:
        The maxima ``[B, C, h, w]`` and their positions, int64 of the same shape: ``row * W + column`` in
        the map they come from. Of equal maxima the first, in reading order, counts.
    """
    stride = kernel_size if stride is None else stride
    windows = x.unfold(2, kernel_size, stride).unfold(3, kernel_size, stride)  # [B, C, h, w, k, k]
    values, inside = windows.flatten(-2).max(-1)
    rows = stride * torch.arange(values.shape[-2], device=x.device)[:, None] + inside // kernel_size
    columns = stride * torch.arange(values.shape[-1], device=x.device) + inside % kernel_size
    return values, rows * x.shape[-1] + columns


def max_unpool(x: Tensor, positions: Tensor, size: tuple[int, int]) -> Tensor:
    """Put values back where max pooling took its maxima from; everything else is zero.

    The decoder's layer of Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014, section 2.1)
    and of Badrinarayanan, Kendall and Cipolla, "SegNet" (2017).

    Args:
        x: values ``[B, C, h, w]``.
        positions: int64 ``[B, C, h, w]`` from `max_pool_with_positions`. Where pooling windows overlapped, two values
            may claim one position: which of them stays is not defined.
        size: ``(H, W)`` of the map that was pooled.

    Returns:
        ``[B, C, H, W]``.

    Raises:
        ValueError: the positions have another shape than the values, or lie outside ``0..H * W - 1``.
    """
    height, width = size
    if positions.shape != x.shape:
        raise ValueError(
            f"positions {tuple(positions.shape)} must have the shape of the values {tuple(x.shape)}"
        )
    if positions.numel() and not 0 <= int(positions.min()) <= int(positions.max()) < height * width:
        raise ValueError(
            f"positions must lie in 0..{height * width - 1}, the cells of a {height} x {width} map"
        )
    flat = x.new_zeros(*x.shape[:2], height * width)
    return flat.scatter(2, positions.flatten(2), x.flatten(2)).unflatten(2, (height, width))


def _check_positive(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"the {name} must be at least 1, not {value}")


# ----------------------------------------------------------------------------------- bilinear interpolation
def bilinear_matrix(size: int, factor: int, dtype: torch.dtype = torch.float32, device=None) -> Tensor:
    """Linear interpolation of ``size`` samples to ``factor * size``, as the matrix that it is.

    Sample i stands for the stretch from i to i + 1, so its centre is i + 1/2; a centre of the fine grid takes from the
    two nearest coarse centres in proportion to closeness. Beyond the outermost centres the border value is kept.

    Args:
        size: number of samples.
        factor: at least 1.
        dtype, device: of the result.

    Returns:
        ``[factor * size, size]``; every row sums to 1.

    Raises:
        ValueError: the factor is below 1.
    """
    _check_positive("factor", factor)
    fine = (torch.arange(factor * size, dtype=dtype, device=device) + 0.5) / factor - 0.5
    coarse = torch.arange(size, dtype=dtype, device=device)
    fine = fine.clamp(0, size - 1)
    return (1 - (fine[:, None] - coarse).abs()).clamp(min=0)


def bilinear_upsample(x: Tensor, factor: int) -> Tensor:
    """Bilinear interpolation: the same fixed linear map applied to the rows and to the columns.

    Equal to ``torch.nn.functional.interpolate(..., mode="bilinear", align_corners=False)``.

    Args:
        x: ``[B, C, H, W]``, floating point.
        factor: at least 1.

    Returns:
        ``[B, C, factor * H, factor * W]``.

    Raises:
        ValueError: the factor is below 1.
    """
    rows = bilinear_matrix(x.shape[-2], factor, x.dtype, x.device)
    columns = bilinear_matrix(x.shape[-1], factor, x.dtype, x.device)
    return rows @ x @ columns.T


def bilinear_kernel(kernel_size: int, dtype: torch.dtype = torch.float32, device=None) -> Tensor:
    """The tent whose copies add up to bilinear interpolation.

    Long, Shelhamer and Darrell, "Fully Convolutional Networks" (2015, section 3.3) and the reference code's
    ``upsample_filt``. With ``kernel_size = 2 * factor - factor % 2``, stride ``factor`` and padding
    ``(factor - factor % 2) // 2`` (`bilinear_layout`) a transposed convolution with it equals `bilinear_upsample` away
    from the border: at the border the tents that would stand outside are missing.

    Args:
        kernel_size: at least 1.
        dtype, device: of the result.

    Returns:
        ``[kernel_size, kernel_size]``.
    """
    factor = (kernel_size + 1) // 2
    centre = (kernel_size - 1) / 2
    tent = 1 - (torch.arange(kernel_size, dtype=dtype, device=device) - centre).abs() / factor
    return tent[:, None] * tent


def bilinear_layout(factor: int) -> dict[str, int]:
    """Kernel size, stride and padding of a transposed convolution that enlarges exactly ``factor`` times.

    Args:
        factor: at least 1.

    Returns:
        ``{"kernel_size": ..., "stride": ..., "padding": ...}``, see `bilinear_kernel`.

    Raises:
        ValueError: the factor is below 1.
    """
    _check_positive("factor", factor)
    return {"kernel_size": 2 * factor - factor % 2, "stride": factor, "padding": (factor - factor % 2) // 2}


def bilinear_weight(
    channels: int, kernel_size: int, dtype: torch.dtype = torch.float32, device=None
) -> Tensor:
    """Initial weight of a transposed convolution: every channel interpolated by itself.

    Args:
        channels: in and out.
        kernel_size, dtype, device: see `bilinear_kernel`.

    Returns:
        ``[channels, channels, kernel_size, kernel_size]``: `bilinear_kernel` on the diagonal, zero elsewhere.
    """
    identity = torch.eye(channels, dtype=dtype, device=device)
    return identity[:, :, None, None] * bilinear_kernel(kernel_size, dtype, device)


# ----------------------------------------------------------------------------------- transposed convolution
def transposed_size(
    size: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> int:
    """The length of a transposed convolution's output.

    ``(size - 1) * stride - 2 * padding + kernel_size + output_padding``. A convolution with a stride maps several input
    sizes to one output size; the output padding says which of them is meant, so it is smaller than the stride.

    Args:
        size: length of the input.
        kernel_size, stride, padding, output_padding: as in `conv_transpose1d_scatter`.

    Returns:
        The length, at least 1.

    Raises:
        ValueError: the output padding is negative or not smaller than the stride, or nothing is left.
    """
    if not 0 <= output_padding < max(stride, 1):
        raise ValueError(
            f"the output padding must be smaller than the stride ({stride}), not {output_padding}"
        )
    out = (size - 1) * stride - 2 * padding + kernel_size + output_padding
    if out < 1:
        raise ValueError(
            f"nothing is left of {size} samples: kernel {kernel_size}, stride {stride}, padding {padding}"
        )
    return out


def conv_transpose1d_scatter(
    x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> Tensor:
    """Transposed convolution in one dimension: every input places a scaled copy of the kernel; copies add up.

    Args:
        x: ``[B, C_in, L]``.
        weight: ``[C_in, C_out, k]``.
        stride: distance between neighbouring copies in the output.
        padding: samples cut off at both ends.
        output_padding: samples appended at the end; smaller than the stride.

    Returns:
        ``[B, C_out, transposed_size(L, ...)]``.

    Raises:
        ValueError: see `transposed_size`.
    """
    length, kernel_size = x.shape[-1], weight.shape[-1]
    out_length = transposed_size(length, kernel_size, stride, padding, output_padding)
    canvas = x.new_zeros(x.shape[0], weight.shape[1], out_length + 2 * padding)
    for tap in range(kernel_size):
        copies = torch.einsum("bil,io->bol", x, weight[..., tap])
        canvas[..., tap : tap + stride * (length - 1) + 1 : stride] += copies
    return canvas[..., padding : padding + out_length]


def conv_transpose2d_scatter(
    x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> Tensor:
    """Transposed convolution in two dimensions, by scattering and adding.

    Args:
        x: ``[B, C_in, H, W]``.
        weight: ``[C_in, C_out, k, k]`` (height and width of the kernel may differ).
        stride, padding, output_padding: as in `conv_transpose1d_scatter`, the same in both directions.

    Returns:
        ``[B, C_out, transposed_size(H, ...), transposed_size(W, ...)]``.

    Raises:
        ValueError: see `transposed_size`.
    """
    height, width = x.shape[-2:]
    out_height = transposed_size(height, weight.shape[-2], stride, padding, output_padding)
    out_width = transposed_size(width, weight.shape[-1], stride, padding, output_padding)
    canvas = x.new_zeros(x.shape[0], weight.shape[1], out_height + 2 * padding, out_width + 2 * padding)
    for row in range(weight.shape[-2]):
        for column in range(weight.shape[-1]):
            copies = torch.einsum("bihw,io->bohw", x, weight[..., row, column])
            rows = slice(row, row + stride * (height - 1) + 1, stride)
            columns = slice(column, column + stride * (width - 1) + 1, stride)
            canvas[..., rows, columns] += copies
    return canvas[..., padding : padding + out_height, padding : padding + out_width]


def convolution_matrix1d(weight: Tensor, length: int, stride: int = 1, padding: int = 0) -> Tensor:
    """The matrix that a one-dimensional convolution multiplies its input with.

    Args:
        weight: ``[C_out, C_in, k]``.
        length: length of the input.
        stride: of the convolution.
        padding: zeros added at both ends.

    Returns:
        ``[C_out * L_out, C_in * length]`` for flattened outputs and inputs,
        ``L_out = (length + 2 * padding - k) // stride + 1``. Row o holds the kernel, shifted by ``stride`` from row to
        row.
    """
    c_out, c_in, kernel_size = weight.shape
    out_length = (length + 2 * padding - kernel_size) // stride + 1
    matrix = weight.new_zeros(c_out, out_length, c_in, length)
    for o in range(out_length):
        for tap in range(kernel_size):
            i = o * stride + tap - padding
            if 0 <= i < length:
                matrix[:, o, :, i] = weight[..., tap]
    return matrix.flatten(2).flatten(0, 1)


def convolution_matrix2d(weight: Tensor, size: tuple[int, int], stride: int = 1, padding: int = 0) -> Tensor:
    """The matrix that a two-dimensional convolution multiplies its input with.

    Args:
        weight: ``[C_out, C_in, k, k]`` (height and width of the kernel may differ).
        size: ``(H, W)`` of the input.
        stride: of the convolution, the same in both directions.
        padding: zeros added on every side.

    Returns:
        ``[C_out * H_out * W_out, C_in * H * W]`` for flattened outputs and inputs.
    """
    (c_out, c_in, *kernel), (height, width) = weight.shape, size
    out_height = (height + 2 * padding - kernel[0]) // stride + 1
    out_width = (width + 2 * padding - kernel[1]) // stride + 1
    matrix = weight.new_zeros(c_out, out_height, out_width, c_in, height, width)
    for p in range(out_height):
        for q in range(out_width):
            for row in range(kernel[0]):
                for column in range(kernel[1]):
                    y, x = p * stride + row - padding, q * stride + column - padding
                    if 0 <= y < height and 0 <= x < width:
                        matrix[:, p, q, :, y, x] = weight[..., row, column]
    return matrix.flatten(3).flatten(0, 2)


def conv_transpose1d_matrix(
    x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> Tensor:
    """`conv_transpose1d_scatter` as a product with the transpose of `convolution_matrix1d`.

    Args:
        x: ``[B, C_in, L]``.
        weight: ``[C_in, C_out, k]``.
        stride, padding, output_padding: as there.

    Returns:
        ``[B, C_out, transposed_size(L, ...)]``.

    Raises:
        ValueError: see `transposed_size`.
    """
    out_length = transposed_size(x.shape[-1], weight.shape[-1], stride, padding, output_padding)
    matrix = convolution_matrix1d(weight, out_length, stride, padding)
    return (x.flatten(1) @ matrix).unflatten(1, (weight.shape[1], out_length))


def conv_transpose2d_matrix(
    x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> Tensor:
    """`conv_transpose2d_scatter` as a product with the transpose of `convolution_matrix2d`.

    Args:
        x: ``[B, C_in, H, W]``.
        weight: ``[C_in, C_out, k, k]``.
        stride, padding, output_padding: as there.

    Returns:
        ``[B, C_out, transposed_size(H, ...), transposed_size(W, ...)]``.

    Raises:
        ValueError: see `transposed_size`.
    """
    out_height = transposed_size(x.shape[-2], weight.shape[-2], stride, padding, output_padding)
    out_width = transposed_size(x.shape[-1], weight.shape[-1], stride, padding, output_padding)
    matrix = convolution_matrix2d(weight, (out_height, out_width), stride, padding)
    return (x.flatten(1) @ matrix).unflatten(1, (weight.shape[1], out_height, out_width))


def conv_transpose1d_backward(
    x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> Tensor:
    """`conv_transpose1d_scatter` as what a convolution's backward pass does to the gradient of its output.

    Args:
        x: ``[B, C_in, L]``.
        weight: ``[C_in, C_out, k]``.
        stride, padding, output_padding: as there.

    Returns:
        ``[B, C_out, transposed_size(L, ...)]``.

    Raises:
        ValueError: see `transposed_size`.
    """
    out_length = transposed_size(x.shape[-1], weight.shape[-1], stride, padding, output_padding)
    # Where the derivative is taken does not matter: a convolution is linear.
    at = x.new_zeros(x.shape[0], weight.shape[1], out_length)
    _, pull_back = torch.func.vjp(lambda y: F.conv1d(y, weight, stride=stride, padding=padding), at)
    return pull_back(x)[0]


def conv_transpose2d_backward(
    x: Tensor, weight: Tensor, stride: int = 1, padding: int = 0, output_padding: int = 0
) -> Tensor:
    """`conv_transpose2d_scatter` as what a convolution's backward pass does to the gradient of its output.

    Args:
        x: ``[B, C_in, H, W]``.
        weight: ``[C_in, C_out, k, k]``.
        stride, padding, output_padding: as there.

    Returns:
        ``[B, C_out, transposed_size(H, ...), transposed_size(W, ...)]``.

    Raises:
        ValueError: see `transposed_size`.
    """
    out_height = transposed_size(x.shape[-2], weight.shape[-2], stride, padding, output_padding)
    out_width = transposed_size(x.shape[-1], weight.shape[-1], stride, padding, output_padding)
    at = x.new_zeros(x.shape[0], weight.shape[1], out_height, out_width)
    _, pull_back = torch.func.vjp(lambda y: F.conv2d(y, weight, stride=stride, padding=padding), at)
    return pull_back(x)[0]


# -------------------------------------------------------------------------------------- dilated convolution
def dilate_kernel(weight: Tensor, dilation: int) -> Tensor:
    """Pull a kernel's taps apart: ``dilation - 1`` zeros between neighbours (the algorithm "à trous").

    Args:
        weight: ``[C_out, C_in, k, k]``.
        dilation: at least 1.

    Returns:
        ``[C_out, C_in, K, K]`` with ``K = dilation * (k - 1) + 1``.

    Raises:
        ValueError: the dilation is below 1.
    """
    _check_positive("dilation", dilation)
    out = bed_of_nails_upsample(weight, dilation)
    return out[..., : out.shape[-2] - dilation + 1, : out.shape[-1] - dilation + 1]


def dilated_conv2d(x: Tensor, weight: Tensor, dilation: int, stride: int = 1, padding: int = 0) -> Tensor:
    """Convolution whose taps stand ``dilation`` cells apart: a larger field of view, no more weights.

    Yu and Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions" (2016, section 2). A sum of shifted inputs,
    one for each tap; equal to a convolution with `dilate_kernel` without multiplying by its zeros.

    Args:
        x: ``[B, C_in, H, W]``.
        weight: ``[C_out, C_in, k, k]``.
        dilation, stride: at least 1.
        padding: zeros added on every side.

    Returns:
        ``[B, C_out, H_out, W_out]``, ``H_out = (H + 2 * padding - dilation * (k - 1) - 1) // stride + 1``.

    Raises:
        ValueError: the dilation or the stride is below 1, or the kernel is larger than the padded map.
    """
    _check_positive("dilation", dilation)
    x = F.pad(x, [padding] * 4)
    reach = [dilation * (k - 1) for k in weight.shape[-2:]]
    if x.shape[-2] <= reach[0] or x.shape[-1] <= reach[1]:
        raise ValueError(
            f"the dilated kernel needs {reach[0] + 1} x {reach[1] + 1} cells, got {tuple(x.shape[-2:])}"
        )
    out = 0
    for row in range(weight.shape[-2]):
        for column in range(weight.shape[-1]):
            top, left = dilation * row, dilation * column
            shifted = x[
                ...,
                top : x.shape[-2] - reach[0] + top : stride,
                left : x.shape[-1] - reach[1] + left : stride,
            ]
            out = out + torch.einsum("bihw,oi->bohw", shifted, weight[..., row, column])
    return out
