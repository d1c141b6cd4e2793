"""torch.cov, which divides by n - 1; order by argsort."""

import torch


def principal_colours(images):
    covariance = torch.cov(torch.stack([images[:, c].reshape(-1) for c in range(3)]))
    values, vectors = torch.linalg.eigh(covariance)
    order = values.argsort(descending=True)
    return values[order], vectors[:, order]
