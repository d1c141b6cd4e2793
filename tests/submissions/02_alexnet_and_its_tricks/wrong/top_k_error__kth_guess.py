"""Looks at the k-th guess only."""

FAILS = "test_k_guesses"


def top_k_error(scores, labels, k=1):
    if not 1 <= k <= scores.shape[1] or len(scores) == 0:
        raise ValueError("k or the number of images is impossible")
    guess = scores.argsort(dim=1, descending=True, stable=True)[:, k - 1]
    return (guess != labels).double().mean().item()
