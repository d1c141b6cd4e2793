"""Returns where the winner stands instead of what it is."""

FAILS = "test_most_frequent_label"


def vote(labels):
    return (labels[:, :, None] == labels[:, None]).sum(-1).argmax(-1)
