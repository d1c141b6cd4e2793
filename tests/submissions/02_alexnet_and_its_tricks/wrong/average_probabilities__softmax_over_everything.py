"""One softmax over crops and classes together."""

FAILS = "test_one_sure_crop_does_not_outvote_nine"


def average_probabilities(logits):
    return logits.flatten(1).softmax(-1).reshape(logits.shape).sum(1)
