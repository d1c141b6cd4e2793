"""Takes the row for x and the column for y."""

FAILS = "test_inside_the_image"


def patch(image, field, row, column, outside=0.5):
    size, stride, start = field
    top, left = start + column * stride, start + row * stride
    h, w = image.shape[1:]
    seen = image.new_full((len(image), size, size), outside)
    y1, y2, x1, x2 = max(top, 0), min(top + size, h), max(left, 0), min(left + size, w)
    if y2 > y1 and x2 > x1:
        seen[:, y1 - top : y2 - top, x1 - left : x2 - left] = image[:, y1:y2, x1:x2]
    return seen
