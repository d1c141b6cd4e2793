"""Trusts topk with equal scores."""

FAILS = "test_equal_scores_go_to_the_lower_class"


def top_k_error(scores, labels, k=1):
    if not 1 <= k <= scores.shape[1] or len(scores) == 0:
        raise ValueError("k or the number of images is impossible")
    guesses = scores.topk(k, dim=1).indices
    return 1 - (guesses == labels[:, None]).any(1).double().mean().item()
