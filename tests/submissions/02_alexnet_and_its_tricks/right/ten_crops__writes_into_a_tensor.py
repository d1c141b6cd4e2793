"""Fills ten places, then mirrors five of them."""


def ten_crops(images, size):
    out = images.new_empty(len(images), 10, images.shape[1], size, size)
    out[:, 4] = center_crop(images, size)
    out[:, 0] = images[:, :, :size, :size]
    out[:, 1] = images[:, :, :size, images.shape[3] - size :]
    out[:, 2] = images[:, :, images.shape[2] - size :, :size]
    out[:, 3] = images[:, :, images.shape[2] - size :, images.shape[3] - size :]
    out[:, 5:] = out[:, :5].flip(-1)
    return out
