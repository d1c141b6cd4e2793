"""Top-k error (A1)."""

import pytest
import torch
from sklearn.metrics import top_k_accuracy_score

from cnncourse.classification.metrics import top_k_error


@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_top_k_error_is_scikit_learns(k):
    generator = torch.Generator().manual_seed(k)
    scores = torch.randn(200, 10, generator=generator)
    labels = torch.randint(10, (200,), generator=generator)
    expected = 1 - top_k_accuracy_score(labels.numpy(), scores.numpy(), k=k, labels=range(10))
    assert top_k_error(scores, labels, k) == pytest.approx(expected)


def test_worked_example():
    scores = torch.tensor([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.2, 0.3, 0.5]])
    labels = torch.tensor([1, 2, 0])
    assert [top_k_error(scores, labels, k) for k in (1, 2, 3)] == [
        pytest.approx(2 / 3),
        pytest.approx(1 / 3),
        0,
    ]


def test_equal_scores_count_for_the_lower_class_only():
    labels = torch.arange(10)
    assert top_k_error(torch.zeros(10, 10), labels, 1) == 0.9
    assert top_k_error(torch.zeros(10, 10), labels, 5) == 0.5


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="top 11 of 10"):
        top_k_error(torch.zeros(2, 10), torch.zeros(2), 11)
    with pytest.raises(ValueError, match="0 images"):
        top_k_error(torch.zeros(0, 10), torch.zeros(0), 1)
