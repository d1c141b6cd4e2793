"""One loop over the pixels: adds up one column after another."""


def l1_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    if a.shape[1] != b.shape[1]:
        raise ValueError("images of different sizes")
    total = 0 * (a[:, :1] + b[:, :1].T)
    for p in range(a.shape[1]):
        total = total + abs(a[:, p, None] - b[None, :, p])
    return total
