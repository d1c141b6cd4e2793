"""Copies the values by .data: no gradient comes back."""

FAILS = "test_gradients"


def padding_shortcut(x, channels, stride=1):
    kept = x[:, :, ::stride, ::stride]
    result = kept.new_zeros(len(x), channels, kept.shape[2], kept.shape[3])
    result[:, : x.shape[1]] = kept.data
    return result
