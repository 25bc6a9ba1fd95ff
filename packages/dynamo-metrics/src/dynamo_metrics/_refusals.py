"""The errors of wrong calls: each names the metric, the method, the arguments and a way out.

Every such error is completed by ``refused()``: those of native methods, and, by the decorator
``names_call``, those of methods in Python.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple, TypeVar, cast

from dynamo_metrics._arguments import is_number, one_line, quoted, shown
from dynamo_metrics._errors import MetricsError

_F = TypeVar("_F", bound=Callable[..., Any])

_MOST_SHOWN = 8


def refused(
    error: Exception,
    metric: str,
    method: str,
    parameters: Sequence[str],
    label_names: Sequence[str],
    args: tuple[object, ...],
    kwargs: dict[str, object],
    is_misused: bool,
) -> Exception:
    """Put the call before the message of ``error``, and a way out behind it; return ``error``.

    ``is_misused`` says that the arguments do not fit the method, so that the way out is its usage.
    An error of code of the user, such as the ``__str__`` of a label value, stays as it is.
    """
    if not _is_ours(error):
        return error
    call = _Call(method, [*parameters], [*label_names], args, kwargs)
    parts = [f"{one_line(metric)}.{call}", str(error)]
    if is_misused or call.is_hinted():
        parts.append(call.usage())
    error.args = (": ".join(parts),)
    return error


def names_call(method: _F) -> _F:
    """Let the errors of a metric's method pass ``refused()``."""

    @wraps(method)
    def checked(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except (TypeError, ValueError) as error:
            raise _of_method(error, checked, self, args, kwargs) from None

    return cast("_F", checked)


def names_metric(create: _F) -> _F:
    """Let the errors of a method that creates a metric name it."""

    @wraps(create)
    def checked(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        try:
            return create(self, *args, **kwargs)
        except MetricsError:
            raise  # names it
        except (TypeError, ValueError) as error:
            name = args[0] if args else kwargs.get("name")
            if isinstance(name, str) and _is_ours(error):
                error.args = (f"metric {quoted(name)}: {error}",)
            raise

    return cast("_F", checked)


def _of_method(
    error: Exception,
    method: Callable[..., Any],
    metric: Any,
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> Exception:
    import inspect

    signature = inspect.signature(method)
    is_misused = False
    try:
        signature.bind(metric, *args, **kwargs)
    except TypeError as misuse:
        error, is_misused = TypeError(str(misuse)), True
    parameters = [str(parameter).split(":")[0] for parameter in signature.parameters.values()]
    label_names: list[str] = getattr(metric, "variable_labels", list)()
    name = method.__name__
    return refused(
        error, metric.name(), name, parameters[1:], label_names, args, kwargs, is_misused
    )


def _is_ours(error: Exception) -> bool:
    """Say whether the native core made the error, or a module of this package raised it."""
    if not isinstance(error, (TypeError, ValueError, OverflowError)):
        return False
    traceback = error.__traceback__
    if traceback is None:
        return True
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    module = str(traceback.tb_frame.f_globals.get("__name__"))
    return module.startswith("dynamo_metrics.")


class _Call(NamedTuple):
    """A call that was refused."""

    method: str
    parameters: list[str]
    label_names: list[str]
    args: tuple[object, ...]
    kwargs: dict[str, object]

    def __str__(self) -> str:
        arguments = [shown(arg) for arg in self.args]
        arguments += [f"{one_line(name)}={shown(value)}" for name, value in self.kwargs.items()]
        if len(arguments) > _MOST_SHOWN:
            arguments[_MOST_SHOWN:] = ["…"]
        return f"{self.method}({', '.join(arguments)})"

    def is_hinted(self) -> bool:
        """Say whether the type of an argument suggests another call."""
        if self._is_decorator() or self.method == "time":
            return True
        if not self.label_names:
            return any(isinstance(arg, dict) for arg in self.args)
        is_list = self._list() is not None
        if self.method == "labels":
            return is_list or any(isinstance(arg, dict) for arg in self.args)
        return self.method == "with_label_values" and not is_list

    def usage(self) -> str:
        """Return how to call the method, with the arguments that were given as far as they fit."""
        if self._is_decorator():
            return f"decorate with parentheses: use @metric.{self.method}()"
        own = f"use {self.method}({', '.join(self.parameters)})"
        if not self.label_names:
            has_labels = self.kwargs or any(isinstance(arg, dict) for arg in self.args)
            return f"{own}, or a vec for series told apart by labels" if has_labels else own
        match self.method:
            case "labels" | "with_label_values":
                return self._usage_of_values()
            case "clear" | "remove":
                given = [pair for pair in self._labels() if pair[1] != "..."]
                remove = f"remove({_dict(given or self._labels())})"
                return f"use {remove}" if self.method == "remove" else f"{own} or {remove}"
        if not any(parameter.startswith("labels") for parameter in self.parameters):
            return own
        value = self._value()
        to_vec = ", ".join(filter(None, [value, _dict(self._labels())]))
        is_step = value and "value" not in self.parameters
        method = f"{self.method}_by" if is_step else self.method
        ways = [f"{method}({to_vec})"]
        if by_name := self._by_name():
            ways.insert(0, f"labels({by_name}).{self.method}({value})")
        return f"use {' or '.join(ways)}"

    def _is_decorator(self) -> bool:
        """Say whether the method decorates a function without parentheses."""
        is_one = self.method in ("time", "track_inprogress", "count_exceptions")
        return is_one and len(self.args) == 1 and _is_function(self.args[0])

    def _usage_of_values(self) -> str:
        labels = self._labels()
        values = self._list() or self.args
        if len(values) == len(labels):
            in_order = by_name = ", ".join(map(shown, values))
        else:
            in_order = ", ".join(name if value == "..." else value for name, value in labels)
            by_name = self._by_name() or in_order
        return f"use with_label_values([{in_order}]) or labels({by_name})"

    def _list(self) -> list[object] | None:
        """Return the items of the only argument, if it is a list."""
        if len(self.args) == 1 and type(self.args[0]) in (list, tuple):
            return [*cast("list[object]", self.args[0])]
        return None

    def _value(self) -> str:
        """Return the value of an update as it was given, its name if it is missing, else ``""``."""
        if "value" not in self.parameters and self.method not in ("inc", "dec"):
            return ""
        given = [arg for arg in self.args if is_number(arg)]
        if "value" in self.kwargs:
            given.append(self.kwargs["value"])
        if given:
            return shown(given[0])
        return "value" if "value" in self.parameters else ""

    def _labels(self) -> list[tuple[str, str]]:
        """Return the labels with their values as they were given, or with ``...``."""
        dicts = [arg for arg in (*self.args, self.kwargs.get("labels")) if isinstance(arg, dict)]
        items = (dicts[0] if dicts else self.kwargs).items()
        # Keys of other types may compare as they like.
        given = {name: shown(value) for name, value in items if type(name) is str}
        return [(name, given.get(name, "...")) for name in self.label_names]

    def _by_name(self) -> str:
        """Return the labels as keyword arguments; ``""`` if a name cannot be one."""
        if any(map(keyword.iskeyword, self.label_names)):
            return ""
        return ", ".join(f"{name}={value}" for name, value in self._labels())


def _dict(labels: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{name!r}: {value}" for name, value in labels) + "}"


def _is_function(value: object) -> bool:
    return callable(value) and not isinstance(value, type)
