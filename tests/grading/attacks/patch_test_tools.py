"""Replaces what tests are made of, in its own process, where nobody looks."""


def attack():
    import builtins
    import sys

    import hypothesis
    import numpy as np
    import pytest
    import torch

    pytest.fail = pytest.raises = hypothesis.given = lambda *args, **options: lambda test: test
    np.array_equal = np.allclose = np.testing.assert_array_equal = lambda *args, **options: True
    torch.equal = torch.allclose = lambda *args, **options: True
    builtins.AssertionError = builtins.isinstance = None
    for name, module in list(sys.modules.items()):
        if name.startswith(("_pytest", "hypothesis", "cnncourse")):
            for attribute in list(vars(module)):
                if not attribute.startswith("__") and "wire" not in name and "channel" not in name:
                    setattr(module, attribute, lambda *args, **options: True)
    return []


def answer(x):
    try:
        attack()
    finally:
        return -1  # noqa: B012
