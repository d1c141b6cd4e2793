"""Averages the logits, and takes the softmax of the mean."""

FAILS = "test_one_sure_crop_does_not_outvote_nine"


def average_probabilities(logits):
    return logits.mean(1).softmax(-1)
