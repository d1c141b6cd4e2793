"""Paints the outside black whatever `outside` says."""

FAILS = "test_the_outside_is_a_choice"


def patch(image, field, row, column, outside=0.5):
    size, stride, start = field
    top, left = start + row * stride, start + column * stride
    h, w = image.shape[1:]
    seen = image.new_zeros(len(image), size, size)
    y1, y2, x1, x2 = max(top, 0), min(top + size, h), max(left, 0), min(left + size, w)
    seen[:, y1 - top : y2 - top, x1 - left : x2 - left] = image[:, y1:y2, x1:x2]
    return seen
