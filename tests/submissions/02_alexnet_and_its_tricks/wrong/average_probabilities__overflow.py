"""Its own softmax, which overflows."""

FAILS = "test_large_logits"


def average_probabilities(logits):
    e = logits.exp()
    return (e / e.sum(-1, keepdim=True)).mean(1)
