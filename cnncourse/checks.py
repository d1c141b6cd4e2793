"""Checks of arguments that many functions make."""

from collections.abc import Iterable


def one_of(name: str, value: object, choices: Iterable[object]) -> None:
    """Refuse what is none of the choices, so that a misspelled option is not silently another one.

    Args:
        name: of the argument, for the message.
        value: that was passed for it.
        choices: all that there are, in the order in which the message lists them.

    Raises:
        ValueError: ``value`` is none of ``choices``.
    """
    choices = tuple(choices)
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}")
