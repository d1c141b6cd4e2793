"""Takes the nearest neighbour's label and never counts."""

FAILS = "test_most_frequent_label"


def vote(labels):
    return labels[:, 0]
