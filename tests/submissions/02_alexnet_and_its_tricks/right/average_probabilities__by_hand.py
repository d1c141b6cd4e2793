"""Its own softmax, with the largest logit taken off first; in float64."""


def average_probabilities(logits):
    e = (logits.double() - logits.double().max(2, keepdim=True).values).exp()
    probabilities = e / e.sum(2, keepdim=True)
    return (probabilities.sum(1) / logits.shape[1]).to(logits.dtype)
