"""The screen of ``dynamo-metrics top``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Footer, Input, Static

from dynamo_metrics.cli.top._details import details
from dynamo_metrics.cli.top._poller import Poller
from dynamo_metrics.cli.top._table import TargetTable
from dynamo_metrics.cli.top._target import Target

_REDRAW = 0.5
"""Seconds between two looks at the targets."""
_DISCOVER = 10.0
"""Seconds between two looks into discovery."""
_INTERVALS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class TopApp(App[None]):
    """A table of targets, and all stats of the one that the cursor is on."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #summary { height: 1; background: $panel; padding: 0 1; }
    TargetTable { height: auto; max-height: 50%; min-height: 3; }
    #filter { display: none; border: none; height: 1; padding: 0 1; }
    #lower { height: 1fr; border-top: solid $primary; padding: 0 1; }
    #details { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("escape", "clear_filter", "Clear", show=False),
        Binding("greater_than_sign", "sort(1)", "Sort", key_display="< >"),
        Binding("less_than_sign", "sort(-1)", "Sort", show=False),
        Binding("r", "reverse", "Reverse"),
        Binding("p", "pause", "Pause"),
        Binding("plus", "slower", "Interval", key_display="+ -"),
        Binding("minus", "faster", "Interval", show=False),
    ]

    def __init__(self, poller: Poller, find: Callable[[], Sequence[Target]] | None = None) -> None:
        super().__init__()
        self.poller = poller
        self.find = find
        """Finds the targets again; None if they stay."""
        self.problem = ""
        """Why the targets are not known."""

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Static(id="summary", markup=False)
        yield Input(placeholder="words in name, address, labels or state", id="filter")
        yield TargetTable()
        with VerticalScroll(id="lower", can_focus=False):
            yield Static(id="details", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look."""
        self.table = self.query_one(TargetTable)
        self.table.focus()
        self.draw()
        self.set_interval(_REDRAW, self.draw)
        if self.find is not None:
            self.set_interval(_DISCOVER, self.discover)

    def draw(self) -> None:
        """Show the state of the targets now."""
        targets = self.poller.targets
        self.table.show(targets)
        address = self.table.selected()
        selected = next((one for one in targets if one.address == address), None)
        self.query_one("#details", Static).update(details(selected, self.size.width))
        self.query_one("#summary", Static).update(self._summary(targets))

    @work(thread=True, exclusive=True)
    def discover(self) -> None:
        """Look for targets again; those of before stay if they are not known now."""
        assert self.find is not None
        try:
            targets = self.find()
        except (OSError, ValueError, ImportError) as error:
            self.problem = str(error)
            return
        self.problem = ""
        self.call_from_thread(self.poller.set_targets, targets)

    def action_filter(self) -> None:
        """Open the line for the filter."""
        entry = self.query_one("#filter", Input)
        entry.display = True
        self.screen.set_focus(entry)  # at once: the next key is for it

    def action_clear_filter(self) -> None:
        """Show all targets."""
        entry = self.query_one("#filter", Input)
        entry.value = ""
        entry.display = False
        self.screen.set_focus(self.table)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter at each keystroke."""
        self.table.filter = event.value
        self.draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter, and go back to the table."""
        event.input.display = bool(event.value)
        self.screen.set_focus(self.table)

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        """Sort by the column that was clicked."""
        self.table.sort_by(event.column_index)
        self.draw()

    def on_data_table_row_highlighted(self) -> None:
        """Show the target that the cursor has come to."""
        self.draw()

    def action_sort(self, step: int) -> None:
        """Sort by the next column, or the one before."""
        self.table.sort_by(self.table.sorted_by + step)
        self.draw()

    def action_reverse(self) -> None:
        """Turn the order."""
        self.table.sort_by(self.table.sorted_by)
        self.draw()

    def action_pause(self) -> None:
        """Stop scraping, or go on."""
        self.poller.is_paused = not self.poller.is_paused
        self.draw()

    def action_slower(self) -> None:
        """Scrape less often."""
        longer = [one for one in _INTERVALS if one > self.poller.interval]
        self.poller.interval = min(longer, default=self.poller.interval)
        self.draw()

    def action_faster(self) -> None:
        """Scrape more often."""
        shorter = [one for one in _INTERVALS if one < self.poller.interval]
        self.poller.interval = max(shorter, default=self.poller.interval)
        self.draw()

    def _summary(self, targets: Sequence[Target]) -> str:
        up = sum(target.state.is_up for target in targets)
        paused = ", paused" if self.poller.is_paused else ""
        every = f"every {self.poller.interval:g} s"
        text = f"dynamo-metrics top: {up} of {len(targets)} up, {every}{paused}"
        return f"{text}   {self.problem}" if self.problem else text
