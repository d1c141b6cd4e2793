"""Forgets to widen the bytes."""

FAILS = "test_bytes_are_widened"


def as_rows(images):
    return images.reshape(len(images), -1)
