"""Where else Codex may start, and whether its key is there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from joytui.tui.doctor.surfaces import matrix, note, surfaces_here
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted

if TYPE_CHECKING:
    from joytui.core.records import Finding, SurfaceCell
    from joytui.doctor.surfaces.machine import How
    from joytui.tui.options import Surfaces


class SurfacesDialog(Dialog[None]):
    """Reads at once; `s` starts the user's shells. `verdict`: the doctor's, where it asked the gateway."""

    DIALOG_TITLE = "Where Codex may start, and whether its key is there"
    CSS = "SurfacesDialog #dialog { width: 100; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "start_shells", "Start shells", tooltip="start your shells, which run their start files"),
    ]

    class Seen(Message):
        """The cells, or why there are none."""

        def __init__(self, cells: tuple[SurfaceCell, ...], problem: str = "") -> None:
            super().__init__()
            self.cells = cells
            self.problem = problem

    def __init__(self, verdict: Finding | None = None) -> None:
        super().__init__()
        self._verdict = verdict

    def compose_dialog(self) -> ComposeResult:
        yield Fitted(id="matrix")
        yield Static("looking …", id="matrix-note", classes="note", markup=False)

    def on_mount(self) -> None:
        super().on_mount()
        box = self.query_one("#dialog")
        box.can_focus = True  # the matrix is longer than a low terminal: arrows and pages scroll it
        box.focus()
        self._look("read")

    def action_start_shells(self) -> None:
        self._look("run")

    def _look(self, how: How) -> None:
        find = self.console.options.surfaces or surfaces_here
        body = partial(self._find, find, tuple(self.console.options.codex_args), how)
        self.query_one("#matrix-note", Static).update("looking …" if how == "read" else "starting your shells …")
        self.run_worker(body, thread=True, group="surfaces", exclusive=True, exit_on_error=False)

    def _find(self, find: Surfaces, args: tuple[str, ...], how: How) -> None:
        try:
            cells = find(args, how, self._verdict)
        except Exception as error:  # whatever a machine can hold must not end the console
            self.post_message(self.Seen((), f"this check failed: {type(error).__name__}"))
        else:
            self.post_message(self.Seen(cells))

    def on_surfaces_dialog_seen(self, message: Seen) -> None:
        cells = message.cells
        self.query_one(Fitted).show(lambda width: matrix(cells, width) if cells else Content(""))
        self.query_one("#matrix-note", Static).update(message.problem or note(cells))
