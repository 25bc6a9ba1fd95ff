"""A whole exposition in a text format, line by line.

What breaks the format is a problem with the number of its line; the rest is read all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dynamo_metrics.scrape._composite import expand
from dynamo_metrics.scrape._formats import Format
from dynamo_metrics.scrape._line import Line, LineError, parse_line, unescaped
from dynamo_metrics.scrape._model import Exposition, Family, Problem, Sample

_SUFFIXES = {
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "summary": ("", "_sum", "_count", "_created"),
    "info": ("_info",),
}
"""What follows a family's name in the names of its samples, in formats that have suffixes."""
_TEXT_SUFFIXES = {
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("", "_sum", "_count"),
}
_ONLY_NAME = ("",)

_METADATA = re.compile(
    r'(HELP|TYPE|UNIT)[ \t]+("(?:[^"\\]|\\.)*"|[^ \t]+)(?:[ \t](.*))?', re.DOTALL
)
_VALID_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_WRONG_ESCAPE = re.compile(r'\\(?:[^n"]|$)')
_ESCAPED_UNICODE = re.compile(r"[\ud800-\udfff]")


def read_lines(body: bytes, form: Format) -> Exposition:
    """Read an exposition in a text format."""
    return _Reader(form).read(body)


class _Reader:
    def __init__(self, form: Format) -> None:
        self.form = form
        self.result = Exposition(form.name)
        self.suffixes = _SUFFIXES if form.is_openmetrics else _TEXT_SUFFIXES
        self.current: Family | None = None
        self.by_base: dict[str, Family] = {}
        """By the names in HELP and TYPE, which an OpenMetrics counter has without ``_total``."""
        self.closed: set[str] = set()
        """The families that another one has followed."""
        self.reported: set[tuple[str, str]] = set()
        self.number = 0
        self.metadata: dict[str, Callable[[str, str], None]] = {
            "HELP": self.help,
            "TYPE": self.type,
            "UNIT": self.unit,
        }

    def read(self, body: bytes) -> Exposition:
        # Bytes that are not UTF-8 become surrogates, so that messages can name their lines.
        text = body.decode("utf-8", "surrogateescape")
        lines = text.split("\n")
        ends_with_newline = lines[-1] == ""
        if ends_with_newline:
            lines.pop()
        ended = 0
        for self.number, line in enumerate(lines, 1):
            if ended:
                self.problem("", "eof", "a line follows # EOF", "end the exposition with # EOF")
                break
            if self.form.is_openmetrics and line == "# EOF":
                ended = self.number
                continue
            if line.endswith("\r"):
                self.problem(
                    "", "syntax", "the line ends with CR LF", "end lines with LF", once=True
                )
                line = line.rstrip("\r")
            try:
                self.line(line)
            except LineError as error:
                self.problem(error.name, "syntax", error.problem, error.remedy)
        if self.form.is_openmetrics and not ended:
            self.problem("", "eof", "# EOF is missing", "end the exposition with the line # EOF")
        if lines and not ends_with_newline and not self.form.is_openmetrics:
            self.problem("", "eof", "the last line has no newline", "end it with LF")
        return self.result

    def line(self, line: str) -> None:
        if _ESCAPED_UNICODE.search(line):
            raise LineError("the line is not UTF-8", "encode the exposition in UTF-8")
        if line.startswith("#") or (not self.form.is_openmetrics and line.lstrip(" \t")[:1] == "#"):
            self.comment(line)
        elif not line.strip(" \t"):
            if self.form.is_openmetrics:
                raise LineError("the line is blank", "leave it out: OpenMetrics has no blank lines")
        else:
            self.sample(parse_line(line, self.form))

    def comment(self, line: str) -> None:
        strict = self.form.is_openmetrics
        body = line[2:] if strict and line.startswith("# ") else line.lstrip(" \t")[1:]
        found = _METADATA.fullmatch(body if strict else body.lstrip(" \t"))
        if found is None or (found[1] == "UNIT" and not strict):
            if strict:
                raise LineError("the line is a comment", "leave it out: OpenMetrics has none")
            if re.match(r"[ \t]*(HELP|TYPE)[ \t]*$", body):
                raise LineError("the name is missing", "write # TYPE name counter")
            return
        word, name, text = found.groups()
        if name.startswith('"'):
            name = unescaped(name[1:-1])
        elif not _VALID_NAME.fullmatch(name):
            raise LineError(f"{name!r} is not a metric name", "use letters, digits, _ and :", name)
        elif not strict and body[:1] not in (" ", "\t"):
            raise LineError(
                f"#{word} is a comment for Prometheus", f"write # {word} with a space", name
            )
        family = self.family(name)
        if family.samples:
            raise LineError(
                f"{word} comes after samples of the metric", "write it before the first one", name
            )
        self.follow(family)
        self.metadata[word](name, text or "")

    def help(self, name: str, text: str) -> None:
        family = self.by_base[name]
        if family.help is not None:
            raise LineError("a second HELP", "write one HELP for each metric", name)
        family.help = unescaped(text)
        wrong = _WRONG_ESCAPE.search(text.replace("\\\\", ""))
        if wrong is not None:
            raise LineError(
                f"{wrong[0]} is not an escape sequence in HELP",
                r"escape a backslash as \\ and a newline as \n",
                name,
            )

    def type(self, name: str, word: str) -> None:
        family = self.by_base[name]
        if family.is_typed:
            raise LineError("a second TYPE", "write one TYPE for each metric", name)
        family.is_typed = True
        if word.strip(" \t") not in self.form.types:
            known = ", ".join(sorted(self.form.types))
            raise LineError(
                f"{word!r} is not a type of {self.form.name}", f"write one of {known}", name
            )
        family.type = word.strip(" \t").replace("untyped", "unknown")
        if family.type == "counter" and self.form.is_openmetrics and self.form.has_suffixes:
            self.rename(family, f"{name}_total")

    def unit(self, name: str, unit: str) -> None:
        family = self.by_base[name]
        if unit and not name.endswith(f"_{unit}"):
            raise LineError(
                f"unit {unit!r} is not at the name's end", f"name it {name}_{unit}", name
            )
        if unit and family.type in ("info", "stateset"):
            raise LineError(f"a {family.type} has no unit", "leave UNIT out", name)
        family.unit = unit

    def sample(self, line: Line) -> None:
        family = self.owner(line.name)
        self.follow(family)
        if line.composite is not None:
            family.samples += expand(line, self.number)
            return
        if line.has_exemplar and self.form.has_suffixes:
            self.exemplar(line, family)
        family.samples.append(
            Sample(line.name, line.labels, line.value, self.number, line.timestamp)
        )

    def exemplar(self, line: Line, family: Family) -> None:
        if not line.name.endswith(("_total", "_bucket")) or (
            "histogram" not in family.type and (family.type != "counter")
        ):
            raise LineError(
                f"{line.name} has an exemplar",
                "OpenMetrics 1 allows them in _total and _bucket only",
                line.name,
            )

    def owner(self, name: str) -> Family:
        """Return the family of a sample."""
        current = self.current
        if current is not None and self.owns(current, name):
            return current
        for base in (
            name,
            *(name[: name.rfind(suffix)] for suffix in _ENDINGS if name.endswith(suffix)),
        ):
            family = self.by_base.get(base)
            if family is not None and self.owns(family, name):
                return family
        found = self.by_base.get(name)
        if found is not None and found.is_typed:
            allowed = " or ".join(name + one for one in self.allowed(found))
            raise LineError(f"a {found.type} has no sample {name}", f"write {allowed}", name)
        return self.family(name)

    def owns(self, family: Family, name: str) -> bool:
        base = self.base(family)
        return name.startswith(base) and name[len(base) :] in self.allowed(family)

    def allowed(self, family: Family) -> tuple[str, ...]:
        if not self.form.has_suffixes:
            return _ONLY_NAME
        return self.suffixes.get(family.type, _ONLY_NAME)

    def base(self, family: Family) -> str:
        is_cut = family.type == "counter" and self.form.is_openmetrics and self.form.has_suffixes
        return family.name.removesuffix("_total") if is_cut else family.name

    def family(self, base: str) -> Family:
        found = self.by_base.get(base)
        if found is None:
            found = self.by_base[base] = Family(base, self.number)
            self.result.families[base] = found
        return found

    def rename(self, family: Family, name: str) -> None:
        del self.result.families[family.name]
        family.name = name
        self.result.families[name] = family

    def follow(self, family: Family) -> None:
        """Note that a line of a family comes."""
        if family is self.current:
            return
        if self.current is not None:
            self.closed.add(self.current.name)
        self.current = family
        if family.name in self.closed:
            self.problem(
                family.name,
                "grouping",
                "its lines are not together",
                "write all lines of a metric one after the other",
                once=True,
            )

    def problem(
        self, metric: str, rule: str, problem: str, remedy: str, once: bool = False
    ) -> None:
        if once and (metric, rule) in self.reported:
            return
        self.reported.add((metric, rule))
        self.result.problems.append(Problem(self.number, metric, rule, problem, remedy))


_ENDINGS = ("_bucket", "_sum", "_count", "_created", "_total", "_info", "_gsum", "_gcount")
