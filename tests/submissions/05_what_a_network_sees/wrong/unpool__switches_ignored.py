"""Ignores the switches: each value goes into the corner of its window."""

FAILS = "test_the_switches_decide"


def unpool(pooled, switches, height, width):
    h, w = pooled.shape[2:]
    image = pooled.new_zeros(*pooled.shape[:2], height, width)
    step_down, step_right = max(height // h, 1), max(width // w, 1)
    image[:, :, : h * step_down : step_down, : w * step_right : step_right] = pooled
    return image
