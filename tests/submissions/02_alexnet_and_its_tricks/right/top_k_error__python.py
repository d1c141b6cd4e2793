"""Plain Python, one image after the other."""


def top_k_error(scores, labels, k=1):
    if k < 1 or k > scores.shape[1] or len(labels) == 0:
        raise ValueError("impossible")
    wrong = 0
    for row, label in zip(scores.tolist(), labels.tolist()):
        order = sorted(range(len(row)), key=lambda c: -row[c])
        wrong += label not in order[:k]
    return wrong / len(labels)
