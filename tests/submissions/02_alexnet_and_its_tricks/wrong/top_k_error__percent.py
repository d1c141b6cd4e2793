"""Returns percent."""

FAILS = "test_the_best_guess"


def top_k_error(scores, labels, k=1):
    if not 1 <= k <= scores.shape[1] or len(scores) == 0:
        raise ValueError("k or the number of images is impossible")
    guesses = scores.argsort(dim=1, descending=True, stable=True)[:, :k]
    return 100 * (1 - (guesses == labels[:, None]).any(1).double().mean().item())
