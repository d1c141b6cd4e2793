"""What nbval compares: words exactly, rounded numbers within one unit of their last printed place.

Two processors add the same numbers in another order, so a rounded number may end in another digit on a machine that
computes as well as the one that stored it. A number counts as rounded when it is printed with a decimal point, with an
exponent, or as a percentage; whole numbers are counts, shapes and labels, and stay exact like every word.
"""

import re
from decimal import Decimal

# Not inside a word (features.13, uint8, 3x3), nor a part of a version (3.12.1).
NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w]|\.\d)(?:\s?%)?")


class Printed(str):
    """Text that equals other text when it says the same, for nbval's ``stored != printed``."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and says_the_same(str(self), str(other))

    def __ne__(self, other: object) -> bool:
        return not self == other


def says_the_same(stored: str, printed: str) -> bool:
    """Whether two texts have the same words, and numbers within one unit of their last printed place."""
    if stored == printed:
        return True
    if _words(stored) != _words(printed):
        return False
    pairs = zip(NUMBER.findall(stored), NUMBER.findall(printed), strict=True)
    return all(_as_good_as(one, other) for one, other in pairs)


def _words(text: str) -> list[str]:
    """What stands between the numbers. The spaces before one depend on its width: -0.01 needs one fewer than 0.00."""
    return [part.rstrip(" ") for part in NUMBER.split(text)]


def _as_good_as(stored: str, printed: str) -> bool:
    if stored == printed:
        return True
    units = [_unit(text) for text in (stored, printed)]
    if None in units or _digits(stored) != _digits(printed):
        return False
    one, other = (Decimal(text.rstrip(" %").replace(",", "")) for text in (stored, printed))
    return abs(one - other) <= max(units)


def _unit(text: str) -> Decimal | None:
    """One unit of the last printed place; None for a number that is not rounded."""
    number = text.rstrip(" %")
    if number == text and not set(".eE") & set(number):
        return None
    return Decimal(1).scaleb(Decimal(number.replace(",", "")).as_tuple().exponent)


def _digits(text: str) -> tuple:
    """How a number is written: decimals, exponent, percent sign."""
    mantissa, _, exponent = text.rstrip(" %").lower().partition("e")
    return len(mantissa.partition(".")[2]), bool(exponent), text.endswith("%")


def pytest_configure(config):
    """nbval compares what its ``sanitize`` returns: that it returns text of our kind is all it takes."""
    from nbval.plugin import IPyNbCell

    sanitize = IPyNbCell.sanitize
    IPyNbCell.sanitize = lambda cell, text: Printed(sanitize(cell, text)) if isinstance(text, str) else text
    config.add_cleanup(lambda: setattr(IPyNbCell, "sanitize", sanitize))
