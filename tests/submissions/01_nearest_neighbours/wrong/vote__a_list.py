"""Returns a list of labels."""

FAILS = "test_most_frequent_label"


def vote(labels):
    return [max(row, key=row.count) for row in labels.tolist()]
