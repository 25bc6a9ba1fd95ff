"""Settings from the environment. An empty variable is unset; a bad value is one line that helps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TypeVar

_T = TypeVar("_T")

WORDS = {
    **dict.fromkeys(("1", "true", "on", "yes"), True),
    **dict.fromkeys(("0", "false", "off", "no"), False),
}
_LONGEST = 86_400.0


def text(variable: str, default: str) -> str:
    """Return the variable's value without the blanks around it."""
    return os.environ.get(variable, "").strip() or default


def choice(variable: str, default: str, known: Mapping[str, _T]) -> _T:
    """Return what ``known`` has under the variable's value; ``ValueError`` for any other word."""
    word = text(variable, default)
    try:
        return known[word]
    except KeyError:
        words = " or ".join(known)
        raise bad(variable, word, "is not known", words) from None


def flag(variable: str, *, default: bool) -> bool:
    """Return a switch: 1, true, on, yes or 0, false, off, no in any case."""
    word = text(variable, "")
    try:
        return WORDS[word.lower()] if word else default
    except KeyError:
        raise bad(variable, word, "is neither on nor off", "true or false") from None


def seconds(variable: str, default: float) -> float:
    """Return a time above 0 and of at most a day."""
    word = text(variable, "")
    try:
        value = float(word) if word else default
    except ValueError:
        value = 0.0
    if not 0 < value <= _LONGEST:
        raise bad(
            variable,
            word,
            "is not a time in seconds",
            "a number above 0 and at most 86400 (one day)",
        )
    return value


def bad(variable: str, value: str, problem: str, remedy: str) -> ValueError:
    """Make the error of a setting: the variable, its value, the rule, the way out."""
    shown = value if len(value) <= 100 else f"{value[:100]}…"
    shown = "".join(char if char.isprintable() else repr(char)[1:-1] for char in shown)
    return ValueError(f"{variable}={shown} {problem}: use {remedy}")
