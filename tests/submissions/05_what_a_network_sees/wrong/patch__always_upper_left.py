"""Puts what is left of the image into the upper left of the patch, at every border."""

FAILS = "test_over_the_upper_left_border"


def patch(image, field, row, column, outside=0.5):
    size, stride, start = field
    top, left = start + row * stride, start + column * stride
    cut = image[:, max(top, 0) : top + size, max(left, 0) : left + size]
    seen = image.new_full((len(image), size, size), outside)
    seen[:, : cut.shape[1], : cut.shape[2]] = cut
    return seen
