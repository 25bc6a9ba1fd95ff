"""Checks of arguments, before the native core gets them.

A wrong type raises ``TypeError``. A str that cannot be encoded raises ``MetricsError``. The message
is one line: the argument, the value, the rule.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, SupportsIndex

from dynamo_metrics._errors import MetricsError

if TYPE_CHECKING:
    from dynamo_metrics._types import Float, Int

_LONGEST = 100
_PAIRS = "a dict or a list of (name, value) pairs"


def text(value: object, what: str) -> str:
    """Return ``value`` if it is a str that can be encoded; ``what`` names it."""
    if not isinstance(value, str):
        raise wrong_type(value, what, "a str")
    if not value.isascii() and not _is_encodable(value):
        raise MetricsError(_not_utf8(value, what), reason="not_utf8")
    return value


def pairs(labels: object, what: str = "labels") -> list[tuple[str, str]]:
    """Return labels, given as a dict or as pairs, as pairs; none for None."""
    if labels is None:
        return []
    if isinstance(labels, dict):
        items: list[object] = list(labels.items())  # at once: another thread may change it
    else:
        items = _listed(labels, what, _PAIRS)
    checked = []
    for item in items:
        if not isinstance(item, tuple) or len(item) != 2:
            raise wrong_type(labels, what, _PAIRS)
        name = text(item[0], "label name")
        value = item[1]
        if not (isinstance(value, str) and value.isascii()):
            value = label_value(value, name)
        checked.append((name, value))
    return checked


def const_labels(labels: object, vec_factory: str) -> list[tuple[str, str]]:
    """Return constant labels as pairs; for label names, the error names ``vec_factory``."""
    try:
        return pairs(labels)
    except TypeError as error:
        names = [labels] if isinstance(labels, str) else labels
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise
        raise TypeError(
            f"{error}; for series told apart by these labels, use "
            f"{vec_factory}(name, description, {shown([*names])})"
        ) from None


def strings(names: object, what: str) -> list[str]:
    """Return an iterable of str as a list. It must have an order and not be a str itself."""
    if isinstance(names, (set, frozenset)):
        raise wrong_type(names, what, "a list of str")
    one = what.removesuffix("s").replace("_", " ")
    return [text(name, one) for name in _listed(names, what, "a list of str")]


def label_values(values: object, label_names: list[str]) -> list[str]:
    """Return label values, in the order of ``label_names``, as a list."""
    what, expected = "label values", "a list of str"
    # A dict iterates over its keys, which are no values.
    if isinstance(values, (dict, set, frozenset)):
        raise wrong_type(values, what, expected)
    listed = _listed(values, what, expected)
    names = [*label_names, *["?"] * len(listed)]
    return [label_value(value, name) for value, name in zip(listed, names, strict=False)]


def label_value(value: object, label: str) -> str:
    """Return the value of a label as a str: an int, bool or enum as ``str()`` writes it.

    A str of a subclass, such as a member of ``class Role(str, Enum)``, is its own text.
    """
    if not isinstance(value, str) and isinstance(value, (int, Enum)):
        value = str(value)
    if not isinstance(value, str):
        raise label_value_error(value, label)
    return text(value, f"value of label {quoted(label)}")


def bounds(buckets: object) -> list[float] | None:
    """Return the upper bounds of buckets as a list of float; None for None."""
    if buckets is None:
        return None
    what, expected = "buckets", "a list of numbers"
    listed = _listed(buckets, what, expected)
    if not all(is_number(bound) for bound in listed):
        raise wrong_type(buckets, what, expected)
    return [number(bound, what) for bound in listed]


def native_buckets(
    native: object,
    schema: Int | None,
    growth_factor: Float | None,
    zero_threshold: Float | None,
    max_buckets: Int | None,
) -> tuple[Int | None, Float | None, Float | None, Int | None] | None:
    """Return the options of native buckets, or None if there are to be no native buckets.

    Raises ``ValueError`` for options that contradict each other.
    """
    if not isinstance(native, bool):
        raise wrong_type(native, "native", "a bool")
    if not native:
        options = {
            "schema": schema,
            "growth_factor": growth_factor,
            "zero_threshold": zero_threshold,
            "max_buckets": max_buckets,
        }
        for name, value in options.items():
            if value is not None:
                raise ValueError(f"{name} is about native buckets: give native=True as well")
        return None
    if schema is not None and growth_factor is not None:
        raise ValueError(
            "schema and growth_factor both say how fine the buckets are: give one of them"
        )
    return (
        None if schema is None else integer(schema, "schema"),
        None if growth_factor is None else number(growth_factor, "growth_factor"),
        None if zero_threshold is None else number(zero_threshold, "zero_threshold"),
        None if max_buckets is None else integer(max_buckets, "max_buckets"),
    )


def number(value: object, what: str) -> float:
    """Return a number as a float; ``what`` names it.

    Raises ``TypeError`` for another type, ``ValueError`` for one that is too large.
    """
    if not is_number(value):
        raise wrong_type(value, what, "a number")
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError as error:
        if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
            raise  # of code of the user
        raise _too_large(value, what) from None


def integer(value: object, what: str) -> int:
    """Return an integer of at most 64 bits; ``what`` names it.

    Raises ``TypeError`` for another type, ``ValueError`` for a larger one.
    """
    if not isinstance(value, SupportsIndex):
        raise wrong_type(value, what, "an int")
    result = operator.index(value)
    if result.bit_length() > 63:
        raise _too_large(value, what)
    return result


def path_part(value: object, level: str) -> str:
    """Return the name of a component or an endpoint; ``level`` says which."""
    name = text(value, level)
    if not name:
        raise _empty(name, level)
    return name


def namespace(value: object) -> str:
    """Return the name of a namespace, whose dots separate nested namespaces."""
    name = text(value, "namespace")
    if not all(name.split(".")):
        raise _empty(name, "namespace")
    return name


def check_node(value: object, function: str) -> None:
    """Raise ``TypeError`` unless ``value`` is a node; ``function`` takes it."""
    if not hasattr(getattr(value, "metrics", None), "exposition"):
        remedy = ": give the node itself, not its metrics" if hasattr(value, "exposition") else ""
        raise TypeError(
            f"{function} takes a runtime, namespace, component or endpoint, not "
            f"{type(value).__name__}{remedy}"
        )


def callback_name(callback: Callable[[], object]) -> str:
    """Return the name of a callback, for messages. Raises ``TypeError`` if it cannot be one."""
    import inspect

    if not callable(callback):
        raise TypeError(
            f"a metrics callback must be callable, not {type(callback).__name__}: {shown(callback)}"
        )
    call = getattr(callback, "__call__", None)  # noqa: B004
    is_async = (inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    if any(test(function) for test in is_async for function in (callback, call)):
        raise TypeError(
            f"a metrics callback must be a plain function, {shown(callback)} is async: it runs on "
            "a thread without an event loop; let a task update the metrics instead"
        )
    name = getattr(callback, "__qualname__", None) or shown(callback)
    return f"{getattr(callback, '__module__', None) or '?'}.{name}"


# Messages


def wrong_type(value: object, what: str, expected: str) -> TypeError:
    """Make the error of an argument of the wrong type."""
    return TypeError(f"{what} must be {expected}, not {type(value).__name__}: got {shown(value)}")


def label_value_error(value: object, label: str) -> Exception:
    """Make the error of a label value that is no str, or a str that cannot be encoded."""
    what = f"value of label {quoted(label)}"
    if isinstance(value, str):
        return ValueError(_not_utf8(value, what))
    return wrong_type(value, what, "a str, an int, a bool or an enum")


def shown(value: object) -> str:
    """Return ``value`` as Python represents it, on one line and of limited length."""
    try:
        line = repr(value)
    except Exception:
        return f"<{type(value).__name__}>"
    if not line.isprintable():
        line = " ".join(line.split())
    return one_line(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…")


def quoted(name: str) -> str:
    """Return ``name`` in double quotes, on one line."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{one_line(escaped)}"'


def one_line(line: str) -> str:
    """Return ``line`` with escapes for what is not printable, such as a line's end."""
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)


def _too_large(value: object, what: str) -> ValueError:
    return ValueError(f"{what}={shown(value)} is too large: give a smaller number")


def _not_utf8(value: str, what: str) -> str:
    return (
        f"{what} {shown(value)} cannot be encoded as UTF-8: it holds a lone surrogate; decode "
        'bytes with errors="replace" before they get here'
    )


def _empty(name: str, level: str) -> ValueError:
    return ValueError(
        f"the {level} name {quoted(name)} is empty or has an empty part: give every part a name"
    )


# Conversions


def _listed(iterable: object, what: str, expected: str) -> list[object]:
    if isinstance(iterable, str):
        raise wrong_type(iterable, what, expected)
    try:
        iterator = iter(iterable)  # type: ignore[call-overload]
    except Exception:
        raise wrong_type(iterable, what, expected) from None
    return list(iterator)


def is_number(value: object) -> bool:
    """Say whether ``value`` converts itself to a float. A str does not."""
    return hasattr(type(value), "__float__") or hasattr(type(value), "__index__")


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def across(value: object) -> str | None:
    """Return how processes show a metric together, if it was given."""
    return None if value is None else text(value, "across")
