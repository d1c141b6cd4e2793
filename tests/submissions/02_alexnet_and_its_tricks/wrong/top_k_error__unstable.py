"""Sorts without asking for a stable order."""

FAILS = "test_equal_scores_go_to_the_lower_class"


def top_k_error(scores, labels, k=1):
    if not 1 <= k <= scores.shape[1] or len(scores) == 0:
        raise ValueError("k or the number of images is impossible")
    guesses = scores.argsort(dim=1, descending=True)[:, :k]
    return 1 - (guesses == labels[:, None]).any(1).double().mean().item()
