"""Upsampling and dilation against torch's operators, and the lecture's examples (S3 to S7)."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from cnncourse.segmentation import upsampling as up

quick = settings(max_examples=25, deadline=None, derandomize=True, database=None)
sizes = st.integers(1, 6)


def rand(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def grid(rows):
    return torch.tensor(rows)[None, None]


def test_s3_nearest_and_bed_of_nails_give_the_lectures_grids():
    x = grid([[1, 2], [3, 4]])
    assert up.nearest_upsample(x, 2).tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]]]
    assert up.bed_of_nails_upsample(x, 2).tolist() == [
        [[[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]]
    ]


def test_s4_pooling_and_unpooling_give_the_lectures_grids():
    pooled, positions = up.max_pool_with_positions(
        grid([[1, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]]), 2
    )
    assert pooled.tolist() == [[[[5, 6], [7, 8]]]]
    assert positions.tolist() == [[[[5, 2], [12, 15]]]]
    unpooled = up.max_unpool(grid([[1, 2], [3, 4]]), positions, (4, 4))
    assert unpooled.tolist() == [[[[0, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 0], [3, 0, 0, 4]]]]


@quick
@given(st.integers(1, 3), st.integers(1, 3), st.integers(3, 9), st.integers(3, 9), st.integers(0, 99))
def test_pooling_positions_are_torchs_even_with_ties_and_overlap(kernel, stride, height, width, seed):
    x = torch.randint(0, 3, (2, 3, height, width), generator=torch.Generator().manual_seed(seed)).double()
    x = x.transpose(-1, -2).contiguous().transpose(-1, -2)  # not contiguous
    values, positions = up.max_pool_with_positions(x, kernel, stride)
    expected, expected_positions = F.max_pool2d(x, kernel, stride, return_indices=True)
    assert torch.equal(values, expected)
    assert torch.equal(positions, expected_positions)


@quick
@given(sizes, sizes, st.integers(1, 3))
def test_unpooling_is_torchs(height, width, kernel):
    x = rand(2, 3, height * kernel, width * kernel)
    values, positions = up.max_pool_with_positions(x, kernel)
    expected = F.max_unpool2d(values, positions, kernel, output_size=x.shape)
    assert torch.equal(up.max_unpool(values, positions, x.shape[-2:]), expected)


def test_unpooling_passes_gradients_and_refuses_positions_outside():
    x = rand(1, 2, 4, 4).requires_grad_()
    values, positions = up.max_pool_with_positions(x.detach(), 2)
    assert torch.autograd.gradcheck(lambda v: up.max_unpool(v, positions, (4, 4)), values.requires_grad_())
    assert torch.autograd.gradcheck(lambda t: up.max_pool_with_positions(t, 2)[0], x)
    with pytest.raises(ValueError, match=r"0\.\.8"):
        up.max_unpool(values, positions, (3, 3))
    with pytest.raises(ValueError, match="shape"):
        up.max_unpool(values, positions[..., :1], (4, 4))


@quick
@given(sizes, sizes, st.integers(1, 5))
def test_s5_bilinear_is_torchs_and_a_fixed_linear_map(height, width, factor):
    x = rand(2, 3, height, width)
    expected = F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
    assert_close(up.bilinear_upsample(x, factor), expected)
    assert_close(up.bilinear_matrix(width, factor).sum(1), torch.ones(width * factor))


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5, 8])
def test_s5_a_transposed_convolution_starts_as_bilinear_interpolation_away_from_the_border(factor):
    x = rand(1, 2, 6, 7)
    layout = up.bilinear_layout(factor)
    weight = up.bilinear_weight(2, layout["kernel_size"], torch.float64)
    got = F.conv_transpose2d(x, weight, stride=factor, padding=layout["padding"])
    expected = up.bilinear_upsample(x, factor)
    assert got.shape == expected.shape
    inner = (..., slice(factor, -factor), slice(factor, -factor))
    assert_close(got[inner], expected[inner])
    if factor > 1:
        assert not torch.allclose(got[..., 0], expected[..., 0])  # the border differs: no tents stand outside


def test_s5_bilinear_depends_only_on_relative_positions():
    matrix = up.bilinear_matrix(6, 4)
    for row in range(4, 16):  # one coarse step further is four fine rows further, away from the border
        assert_close(matrix[row + 4, 1:], matrix[row, :-1])


@quick
@given(
    sizes,
    sizes,
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 99),
)
def test_s6_three_transposed_convolutions_agree_with_torchs(
    height, width, kernel, stride, padding, extra, seed
):
    extra = min(extra, stride - 1)
    if (min(height, width) - 1) * stride - 2 * padding + kernel + extra < 1:
        return
    x, weight = rand(2, 3, height, width, seed=seed), rand(3, 2, kernel, kernel, seed=seed + 1)
    expected = F.conv_transpose2d(x, weight, stride=stride, padding=padding, output_padding=extra)
    for way in (up.conv_transpose2d_scatter, up.conv_transpose2d_matrix, up.conv_transpose2d_backward):
        assert_close(way(x, weight, stride, padding, extra), expected)
    x, weight = x[:, :, 0], weight[..., 0]
    expected = F.conv_transpose1d(x, weight, stride=stride, padding=padding, output_padding=extra)
    for way in (up.conv_transpose1d_scatter, up.conv_transpose1d_matrix, up.conv_transpose1d_backward):
        assert_close(way(x, weight, stride, padding, extra), expected)


@pytest.mark.parametrize("way", ["scatter", "matrix", "backward"])
def test_s6_transposed_convolutions_pass_gradients(way):
    x, weight = rand(1, 2, 3, 2).requires_grad_(), rand(2, 2, 3, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, w: getattr(up, f"conv_transpose2d_{way}")(a, w, 2, 1, 1), (x, weight)
    )
    x, weight = rand(1, 2, 3).requires_grad_(), rand(2, 2, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, w: getattr(up, f"conv_transpose1d_{way}")(a, w, 2, 1, 1), (x, weight)
    )


def test_s6_sizes_of_the_lecture():
    weight = torch.ones(1, 1, 3, 3)
    for stride, out in ((1, 4), (2, 2)):
        assert up.convolution_matrix2d(weight, (4, 4), stride, 1).shape == (out * out, 16)
    x = torch.ones(1, 1, 2, 2)
    assert up.conv_transpose2d_scatter(x, weight, 2, 1, 1).shape[-2:] == (4, 4)
    assert up.conv_transpose2d_scatter(x, weight, 2, 1).shape[-2:] == (3, 3)


def test_s6_one_dimensional_example_sums_where_outputs_overlap():
    x, kernel = torch.tensor([[[2.0, 3.0]]]), torch.tensor([[[1.0, 10.0, 100.0]]])
    assert up.conv_transpose1d_scatter(x, kernel, stride=2).tolist() == [[[2, 20, 203, 30, 300]]]


@quick
@given(st.integers(3, 6), st.integers(3, 6), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2))
def test_s6_the_matrix_is_the_convolution(height, width, kernel, stride, padding):
    x, weight = rand(2, 2, height, width), rand(3, 2, kernel, kernel, seed=1)
    matrix = up.convolution_matrix2d(weight, (height, width), stride, padding)
    assert_close(x.flatten(1) @ matrix.T, F.conv2d(x, weight, stride=stride, padding=padding).flatten(1))
    matrix = up.convolution_matrix1d(weight[..., 0], height, stride, padding)
    expected = F.conv1d(x[..., 0], weight[..., 0], stride=stride, padding=padding)
    assert_close(x[..., 0].flatten(1) @ matrix.T, expected.flatten(1))


def test_impossible_transposed_convolutions_say_so():
    with pytest.raises(ValueError, match="output padding"):
        up.transposed_size(4, 3, stride=2, output_padding=2)
    with pytest.raises(ValueError, match="nothing is left"):
        up.transposed_size(1, 3, padding=2)
    with pytest.raises(ValueError, match="the factor must be at least 1, not 0"):
        up.nearest_upsample(torch.zeros(1, 1, 2, 2), 0)


def test_an_impossible_dilation_is_named():
    weight = torch.zeros(1, 1, 3, 3)
    with pytest.raises(ValueError, match="the dilation must be at least 1, not 0"):
        up.dilate_kernel(weight, 0)
    with pytest.raises(ValueError, match="the dilation must be at least 1, not -1"):
        up.dilated_conv2d(torch.zeros(1, 1, 5, 5), weight, -1)


@quick
@given(
    st.integers(5, 9),
    st.integers(5, 9),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(1, 3),
    st.integers(0, 4),
)
def test_s7_dilated_convolution_is_torchs(height, width, kernel, stride, dilation, padding):
    reach = dilation * (kernel - 1) + 1
    x, weight = rand(2, 3, height, width), rand(2, 3, kernel, kernel, seed=1)
    if min(height, width) + 2 * padding < reach:
        with pytest.raises(ValueError, match="dilated kernel needs"):
            up.dilated_conv2d(x, weight, dilation, stride, padding)
        return
    expected = F.conv2d(x, weight, stride=stride, padding=padding, dilation=dilation)
    assert_close(up.dilated_conv2d(x, weight, dilation, stride, padding), expected)
    assert up.dilate_kernel(weight, dilation).shape == (2, 3, reach, reach)
    assert_close(F.conv2d(x, up.dilate_kernel(weight, dilation), stride=stride, padding=padding), expected)
