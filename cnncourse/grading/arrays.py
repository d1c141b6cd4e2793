"""Arrays of numpy and torch, told apart from other values without importing torch."""

from typing import Any

import numpy as np


def to_numpy(value: Any) -> np.ndarray:
    """A numpy array of a tensor, array or number of any shape, the values unchanged (bfloat16 widens to float32)."""
    if type(value).__module__ == "torch" or hasattr(value, "detach"):
        value = value.detach().cpu()
        return (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    return np.asarray(value)


def is_array(value: Any) -> bool:
    """Whether this is a numpy array, a numpy scalar or a torch tensor."""
    return isinstance(value, np.ndarray | np.generic) or hasattr(value, "detach")
