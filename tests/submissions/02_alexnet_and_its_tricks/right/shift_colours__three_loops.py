"""Image by image, component by component, colour by colour."""


def shift_colours(images, values, directions, alphas):
    out = images.clone()
    for b in range(len(images)):
        for i in range(3):
            for c in range(3):
                out[b, c] += alphas[b, i] * values[i] * directions[c, i]
    return out
