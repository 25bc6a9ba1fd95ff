"""One sample line of a text format: a fast path for what is right, a scanner for all else.

https://prometheus.io/docs/instrumenting/exposition_formats/,
https://prometheus.io/docs/specs/om/open_metrics_spec/ and .../open_metrics_spec_2_0/
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from dynamo_metrics.scrape._formats import Format
from dynamo_metrics.scrape._model import Labels

_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*(?:\\[\\"n][^"\\\n]*)*"'
_PLAIN = re.compile(
    rf"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{{({_LABEL}(?:,{_LABEL})*)?\}})? ([-+.0-9A-Za-z]+)"
)
_ONE_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*(?:\\.[^"\\]*)*)"')
_ESCAPE = re.compile(r"\\(.)")
_NUMBER = re.compile(
    r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?[iI]nf(?:inity)?|[-+]?INF|[nN]a[nN]|NAN",
    re.ASCII,
)
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_TOKEN = re.compile(r"[^\s{},=\"#]+")
_COMPOSITE_PART = re.compile(r"([a-z_]+):(\[[^\]]*\]|[^,\[\]{}]+)(?:,|$)")

_MOST_EXEMPLAR_CHARACTERS = 128


class LineError(ValueError):
    """A line breaks the format: what is wrong, and what to write instead."""

    def __init__(self, problem: str, remedy: str, name: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.name = name
        """The sample's, if it was read."""


class Line(NamedTuple):
    """What a sample line says."""

    name: str
    labels: Labels
    value: float
    timestamp: float | None = None
    composite: dict[str, str] | None = None
    """The parts of an OpenMetrics 2 value in braces, as text."""
    has_exemplar: bool = False


def parse_line(text: str, form: Format) -> Line:
    """Read one line. Raises ``LineError`` if the format does not allow it."""
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        name, labels, number = plain.groups()
        value = number_of(number)
        if value is not None:
            pairs = _labels(labels) if labels else ()
            _check_labels(pairs, name)
            return Line(name, pairs, value)
    return _Scanner(text, form).line()


def number_of(text: str) -> float | None:
    """Return a number as Prometheus reads it; None if it does not."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return None if math.isinf(value) and text[-1].isdigit() else value


def unescaped(text: str) -> str:
    r"""Return a label value or HELP with ``\n``, ``\\`` and ``\"`` replaced."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], text)


def _labels(text: str) -> Labels:
    return tuple((name, unescaped(value)) for name, value in _ONE_LABEL.findall(text))


def _check_labels(labels: Labels, name: str) -> None:
    names = [label for label, _ in labels]
    if len(set(names)) != len(names):
        double = next(label for label in names if names.count(label) > 1)
        raise LineError(f"label {double} is given twice", "write each label once", name)
    if "__name__" in names:
        raise LineError("label __name__ is reserved", "write the name before the labels", name)


class _Scanner:
    """Reads a line piece by piece, and says where it stops being one."""

    def __init__(self, text: str, form: Format) -> None:
        self.text = text
        self.form = form
        self.blanks = " " if form.is_openmetrics else " \t"
        self.at = 0
        self.name = ""

    def line(self) -> Line:
        if not self.form.is_openmetrics:
            self.skip()
        if self.peek() != "{":
            self.name = self.match(_NAME) or ""
            if not self.name:
                raise self.error(
                    f"{self.rest()} is not how a line begins",
                    'write name{label="value"} number, with a name of letters, digits, _ and :',
                )
            if self.at < len(self.text) and self.peek() not in " \t{":
                raise self.error(
                    f"{self.peek()!r} stands in the name or after it",
                    "write letters, digits, _ and : in names, and a space before the value",
                )
            if not self.form.is_openmetrics:
                self.skip()
        labels = self.braces() if self.peek() == "{" else ()
        if not self.name:
            raise self.error("the line has no name", 'write {"name",label="value"} number')
        _check_labels(labels, self.name)
        self.blank("the value")
        composite = None
        if self.peek() == "{" and not self.form.has_suffixes:
            composite, value = self.composite(), math.nan
        else:
            value = self.number("the value")
        timestamp = self.timestamp()
        if not self.form.has_suffixes and self.text.startswith(" st@", self.at):
            self.at += 4
            self.number("the start timestamp")
        has_exemplar = False
        while self.form.is_openmetrics and self.text.startswith(" # ", self.at):
            self.exemplar()
            has_exemplar = True
        if self.at < len(self.text):
            raise self.error(
                f"{self.rest()} follows the value",
                'write one sample a line, as in name{label="value"} 1',
            )
        return Line(self.name, labels, value, timestamp, composite, has_exemplar)

    def braces(self) -> Labels:
        """Read ``{a="b",...}``; a quoted text without ``=`` is the name."""
        self.at += 1
        labels: list[tuple[str, str]] = []
        self.skip()
        while self.peek() != "}":
            is_quoted = self.peek() == '"'
            if is_quoted and not self.form.has_quoted_names:
                raise self.error(
                    "a quoted name needs text 1.0.0", "send version=1.0.0, or escape the name"
                )
            label = self.quoted("a name") if is_quoted else self.match(_LABEL_NAME)
            if not label:
                raise self.error(
                    f"{self.rest()} is not a label name",
                    'write a label as name="value", with letters, digits and _ in its name',
                )
            self.skip()
            if is_quoted and self.peek() in ",}":
                if self.name:
                    raise self.error("the line has two names", "write the name once")
                self.name = label
            else:
                self.expect("=", f"after label {label}")
                self.skip()
                if self.peek() != '"':
                    raise self.error(
                        f"the value of label {label} has no quotes", f'write {label}="value"'
                    )
                labels.append((label, self.quoted(f"the value of label {label}")))
            self.skip()
            if self.peek() == ",":
                self.at += 1
                self.skip()
            elif self.peek() != "}":
                raise self.error(
                    f"{self.rest()} follows a label", "part labels by commas and end them with }"
                )
        self.at += 1
        return tuple(labels)

    def quoted(self, what: str) -> str:
        start = self.at = self.at + 1
        while self.peek() != '"':
            if self.at >= len(self.text):
                raise self.error(f"{what} has no closing quote", 'end it with "')
            if self.peek() == "\\":
                if self.text[self.at + 1 : self.at + 2] not in ("\\", '"', "n"):
                    raise self.error(
                        f"{self.text[self.at : self.at + 2]} is not an escape sequence in {what}",
                        r"escape a backslash as \\, a quote as \" and a newline as \n",
                    )
                self.at += 1
            self.at += 1
        self.at += 1
        return unescaped(self.text[start : self.at - 1])

    def composite(self) -> dict[str, str]:
        end = self.text.find("}", self.at)
        inside = self.text[self.at + 1 : end]
        parts = _COMPOSITE_PART.findall(inside)
        if end < 0 or not parts or ",".join(f"{key}:{value}" for key, value in parts) != inside:
            raise self.error(
                f"{self.rest()} is not a histogram or summary", "write {count:1,sum:2,bucket:[...]}"
            )
        self.at = end + 1
        return dict(parts)

    def timestamp(self) -> float | None:
        before = self.at
        if self.form.is_openmetrics:
            if self.peek() != " " or self.text[self.at + 1 : self.at + 2] in ("#", "s"):
                return None
            self.at += 1
            return self.number("the timestamp")
        self.skip()
        if self.at == len(self.text) and self.at > before:
            raise self.error("spaces follow the value", "end the line after the value")
        if self.at == before:
            return None
        token = self.match(_TOKEN) or ""
        if not re.fullmatch(r"[-+]?\d+", token, re.ASCII):
            self.at -= len(token)
            raise self.error(
                f"{self.rest()} is not a timestamp",
                "leave the exemplar out, or send OpenMetrics"
                if self.text.startswith("# {", self.at)
                else "write milliseconds since 1970 as a whole number, or nothing after the value",
            )
        return int(token) / 1000

    def exemplar(self) -> None:
        self.at += 3
        labels = self.braces() if self.peek() == "{" else None
        if labels is None:
            raise self.error("an exemplar has no labels", 'write # {trace_id="..."} 0.5')
        if sum(len(name) + len(value) for name, value in labels) > _MOST_EXEMPLAR_CHARACTERS:
            raise self.error(
                f"the labels of an exemplar have more than {_MOST_EXEMPLAR_CHARACTERS} characters",
                "keep the trace's id only",
            )
        self.blank("an exemplar's value")
        self.number("an exemplar's value")
        if self.peek() == " " and not self.text.startswith(" # ", self.at):
            self.at += 1
            self.number("an exemplar's timestamp")

    def number(self, what: str) -> float:
        token = self.match(_TOKEN) or ""
        value = number_of(token)
        if value is None:
            self.at -= len(token)
            raise self.error(
                f"{self.rest()} is not a number"
                if self.at < len(self.text)
                else f"{what} is missing",
                "write a decimal number that a 64-bit float can hold, NaN, +Inf or -Inf",
            )
        return value

    def blank(self, before: str) -> None:
        start = self.at
        if self.form.is_openmetrics:
            self.at += self.peek() == " "
        else:
            self.skip()
            start -= self.text[start - 1] in " \t}"
        if self.at == start and self.at < len(self.text):
            raise self.error(f"there is no space before {before}", "write one space there")

    def expect(self, character: str, where: str) -> None:
        if self.peek() != character:
            raise self.error(
                f"{self.rest()} stands {where}, not {character}",
                'write a label as name="value", with letters, digits and _ in its name',
            )
        self.at += 1

    def match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    def skip(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in self.blanks:
            self.at += 1

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def rest(self) -> str:
        """Return what follows, shortened for a message."""
        text = self.text[self.at :]
        return repr(text if len(text) <= 30 else f"{text[:27]}...") if text else "the line's end"

    def error(self, problem: str, remedy: str) -> LineError:
        return LineError(problem, remedy, self.name)
