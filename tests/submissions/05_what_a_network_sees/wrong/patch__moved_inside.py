"""Moves the window until it fits: the patch shows what the position did not see."""

FAILS = "test_over_the_lower_right_border"


def patch(image, field, row, column, outside=0.5):
    size, stride, start = field
    top = min(max(start + row * stride, 0), max(image.shape[1] - size, 0))
    left = min(max(start + column * stride, 0), max(image.shape[2] - size, 0))
    return image[:, top : top + size, left : left + size].clone()
