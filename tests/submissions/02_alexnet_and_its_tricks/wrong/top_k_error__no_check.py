"""Does not ask whether k is possible."""

FAILS = "test_nonsense_is_refused"


def top_k_error(scores, labels, k=1):
    guesses = scores.argsort(dim=1, descending=True, stable=True)[:, :k]
    return 1 - (guesses == labels[:, None]).any(1).sum().item() / len(scores)
