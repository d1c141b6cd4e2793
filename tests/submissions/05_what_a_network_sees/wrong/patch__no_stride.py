"""Takes the position in the map for a position in the image."""

FAILS = "test_inside_the_image"


def patch(image, field, row, column, outside=0.5):
    size, _, start = field
    top, left = start + row, start + column
    h, w = image.shape[1:]
    seen = image.new_full((len(image), size, size), outside)
    y1, y2, x1, x2 = max(top, 0), min(top + size, h), max(left, 0), min(left + size, w)
    seen[:, y1 - top : y2 - top, x1 - left : x2 - left] = image[:, y1:y2, x1:x2]
    return seen
