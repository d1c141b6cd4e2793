"""Takes the mean of the labels, rounded."""

FAILS = "test_most_frequent_label"


def vote(labels):
    return labels.sum(-1) // labels.shape[-1]
