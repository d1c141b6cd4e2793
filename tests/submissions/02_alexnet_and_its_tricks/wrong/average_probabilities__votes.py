"""Lets each crop vote for one class."""

FAILS = "test_one_sure_crop_does_not_outvote_nine"

import torch.nn.functional as F


def average_probabilities(logits):
    votes = F.one_hot(logits.argmax(-1), logits.shape[-1])
    return votes.to(logits.dtype).mean(1)
