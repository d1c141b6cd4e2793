"""Cuts off what is outside: at a border the patch is smaller."""

FAILS = "test_over_the_upper_left_border"


def patch(image, field, row, column, outside=0.5):
    size, stride, start = field
    top, left = start + row * stride, start + column * stride
    return image[:, max(top, 0) : top + size, max(left, 0) : left + size].clone()
