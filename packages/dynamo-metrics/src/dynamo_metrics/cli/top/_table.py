"""The table of targets: a row each, sorted by any column."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import DataTable

from dynamo_metrics.cli.top._stats import COLUMNS, SPARKLINE, Stat
from dynamo_metrics.cli.top._target import Target
from dynamo_metrics.cli.top._units import NOTHING, sparkline

_SPARKLINE_WIDTH = 16
_NAME, _STATE = "TARGET", "STATE"
_TITLES = (_NAME, _STATE, *(stat.title for stat in COLUMNS))
_SPARKLINE_TITLE = f"{SPARKLINE.title} over time"
_STYLES = {"up": "green", "down": "bold red", "restarted": "yellow", "...": "dim"}


class TargetTable(DataTable[Text]):
    """The targets that a filter lets through."""

    def __init__(self) -> None:
        super().__init__(cursor_type="row", zebra_stripes=True)
        self.filter = ""
        """Words that must be in a target's name, address, labels or state."""
        self.sorted_by = 0
        """The number of a column."""
        self.is_reversed = False
        self._shown: list[str] = []

    def on_mount(self) -> None:
        """Add the columns."""
        for title in (*_TITLES, _SPARKLINE_TITLE):
            self.add_column(title, key=title)

    def sort_by(self, column: int) -> None:
        """Sort by a column, stats from the largest; the same one again turns the order."""
        column %= len(_TITLES)
        self.is_reversed = column >= 2 if column != self.sorted_by else not self.is_reversed
        self.sorted_by = column

    def show(self, targets: Sequence[Target]) -> None:
        """Show the state of the targets now."""
        chosen = self._order([target for target in targets if self._lets_through(target)])
        selected = self.selected()
        addresses = [target.address for target in chosen]
        if addresses != self._shown:
            self.clear()
            for target in chosen:
                self.add_row(*_cells(target), key=target.address)
            self._shown = addresses
            if selected in addresses:
                self.move_cursor(row=addresses.index(selected))
        else:
            for target in chosen:
                for title, cell in zip((*_TITLES, _SPARKLINE_TITLE), _cells(target), strict=True):
                    if self.get_cell(target.address, title) != cell:
                        self.update_cell(target.address, title, cell, update_width=True)
        for index, column in enumerate(self.ordered_columns):
            arrow = ("▼" if self.is_reversed else "▲") if index == self.sorted_by else ""
            label = Text(str(column.key.value) + arrow)
            if column.label != label:
                column.label = label
                self._update_count += 1
                self.refresh()

    def selected(self) -> str:
        """Return the address of the target that the cursor is on, empty if there is none."""
        return self._shown[self.cursor_row] if 0 <= self.cursor_row < len(self._shown) else ""

    def _lets_through(self, target: Target) -> bool:
        state = target.state
        text = " ".join(
            (
                target.name,
                target.address,
                state.word,
                state.error,
                *(f"{name}={value}" for name, value in state.labels.items()),
            )
        ).lower()
        return all(word in text for word in self.filter.lower().split())

    def _order(self, targets: list[Target]) -> list[Target]:
        if self.sorted_by < 2:
            return sorted(
                targets,
                key=lambda one: one.name if self.sorted_by == 0 else one.state.word,
                reverse=self.is_reversed,
            )
        stat = COLUMNS[self.sorted_by - 2]
        having = [one for one in targets if one.state.values.get(stat.key) is not None]
        others = [one for one in targets if one.state.values.get(stat.key) is None]
        having.sort(key=lambda one: one.state.values[stat.key] or 0.0, reverse=self.is_reversed)
        return having + others


def _cells(target: Target) -> list[Text]:
    state = target.state
    word = state.word
    return [
        Text(target.name),
        Text(word, style=_STYLES.get(word, "yellow")),
        *(_number(target, stat) for stat in COLUMNS),
        Text(sparkline(target.history(SPARKLINE), _SPARKLINE_WIDTH), style="cyan"),
    ]


def _number(target: Target, stat: Stat) -> Text:
    value = target.state.values.get(stat.key)
    if value is None:
        return Text(NOTHING, style="dim", justify="right")
    style = "bold red" if stat.is_bad and value > 0 else ""
    return Text(stat.format(value), style=style, justify="right")
