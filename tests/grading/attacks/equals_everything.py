"""Answers with objects that compare equal to everything."""

import numpy as np


class Everything(np.ndarray):
    def __eq__(self, other):
        return True

    def __array_function__(self, function, types, args, kwargs):
        return True

    def __ne__(self, other):
        return False

    __hash__ = None


class Number(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


class Liar(int):
    __class__ = int

    def __eq__(self, other):
        return True

    __hash__ = int.__hash__


def attack():
    return []


def answer(x):
    return [Number(3), Liar(3), np.zeros(1).view(Everything)][x % 3]
