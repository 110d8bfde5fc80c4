"""The new key, shown this once, with what belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Static

from joytui.core.joytoken import KEY_VARIABLE, config_block, try_command
from joytui.tui.lines import quoted
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted

if TYPE_CHECKING:
    from joytui.core.wire import KeyCreated


class KeyShown(Dialog[None]):
    """The plain key lives in this dialog alone, and goes with it."""

    DIALOG_TITLE = "Your new key"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy('key')", "Copy key"),
        Binding("s", "copy('shell')", "Copy export line"),
        Binding("b", "copy('block')", "Copy config.toml"),
        Binding("t", "copy('try')", "Copy try command"),
    ]

    def __init__(self, created: KeyCreated, base_url: str) -> None:
        super().__init__()
        self._key_name = created.name
        export = f"export {KEY_VARIABLE}={created.key}"
        self._texts = {
            "key": ("The key", created.key),
            "shell": ("The export line", export),
            "block": ("The config.toml block", config_block(base_url)),
            "try": ("The try command", try_command(base_url)),
        }

    def compose_dialog(self) -> ComposeResult:
        yield Static(
            Content.assemble((self._key_name, "bold"), (" is ready. The key is shown only once: copy it now.", ""))
        )
        yield Static(Content.styled(self._texts["key"][1], "bold $primary"), classes="box", id="plain-key")
        what = {"shell": "the export line", "block": "the config.toml block", "try": "the try command"}
        for letter, name, words in (
            ("s", "shell", "for the shell that starts Codex"),
            ("b", "block", "for ~/.codex/config.toml"),
            ("t", "try", "one turn; config.toml stays as it is"),
        ):
            text = self._texts[name][1].strip()
            if name == "shell":
                text = f"export {KEY_VARIABLE}=…"
            yield Static(
                Content.assemble((letter, "bold $primary"), f" copies {what[name]}", (f", {words}", "$quiet")),
                classes="copies",
            )
            box = Fitted(classes="box", id=f"box-{name}")
            box.show(quoted(text))
            yield box
        with Horizontal(id="buttons"):
            yield Button("Copy key", id="copy")
            yield Button("Done", id="done")

    def action_copy(self, name: str) -> None:
        what, text = self._texts[name]
        self.console.copy(text, what)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "copy":
            self.action_copy("key")
        else:
            self.dismiss(None)
