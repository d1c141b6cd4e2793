"""Writes into its input, so later channels see normalised neighbours."""

FAILS = "test_worked_example"


def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    n = x.shape[1]
    for i in range(n):
        window = x[:, max(0, i - size // 2) : i + size // 2 + 1]
        x[:, i] = x[:, i] / (k + alpha * (window**2).sum(1)) ** beta
    return x
