"""Counts places inside each window."""

FAILS = "test_worked_example"


def pool_with_switches(x, kernel, stride, padding=0, ceil=False):
    windows = x.unfold(2, kernel, stride).unfold(3, kernel, stride).flatten(4)
    return windows.max(4)
