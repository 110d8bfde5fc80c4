"""What a read-only console refuses, and the words for it: whatever changes a key, a file or a setting, or spends credits. With a
viewer's token it refuses what changes the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.actions import parse
from textual.binding import ActiveBinding

if TYPE_CHECKING:
    from joytui.tui.options import Options
    from joytui.tui.state import LinkState

_SPENDS = "test requests cost credits"
_KEYS = "keys stay as they are"
_FILES = "no file is written"
_MACHINE = "no program on this machine is run from here"
_CODEX = "no Codex is run from here"

# By the screen's MODE ("": the console itself), the actions of it and why not.
REFUSED: dict[str, dict[str, str]] = {
    "": {"settings": "the settings stay as they are", "try_turn": _CODEX, "screenshot": _FILES, "export": _FILES},
    "doctor": {
        "send": _SPENDS,
        "fix": _FILES,
        "undo": _FILES,
        "set_up": _FILES,
        "try_turn": _CODEX,
        "surfaces": _MACHINE,
    },
    "logs": {"replay": _SPENDS, "mend": _KEYS, "undo_mend": _KEYS},
    "usage": {},
    "keys": {
        "create": _KEYS,
        "edit": _KEYS,
        "disable": _KEYS,
        "enable": _KEYS,
        "rotate": _KEYS,
        "revoke": _KEYS,
        "undo_change": _KEYS,
        "limit": _KEYS,
    },
}
AT_THE_GATEWAY = {
    (mode, name) for mode, actions in REFUSED.items() for name, why in actions.items() if why == _KEYS
} | {("logs", "replay")}
"""Those that change something at the gateway: a replay makes its own key for a moment."""


def may_change(options: Options, state: LinkState, *, admins: bool = False) -> bool:
    """Whether this console changes anything at the gateway; `admins`: what only an admin changes. A gateway that does not report
    the token's role decides by itself."""
    return not options.read_only and state.role not in (("viewer", "lead") if admins else ("viewer",))


def refusal(target: object, name: str, options: Options, state: LinkState) -> str | None:
    """Why this console does not do this action of that screen (or of the console), as a sentence; None if it does it."""
    from textual.app import App

    mode = "" if isinstance(target, App) else getattr(target, "MODE", None)
    why = REFUSED.get(mode, {}).get(name) if mode is not None else None
    if why is None:
        return None
    if options.read_only:
        return f"this console is read-only: {why}"
    if (mode, name) in AT_THE_GATEWAY and not may_change(options, state):
        return f"a viewer's token only reads: {why}"
    return None


def refused_here(active: ActiveBinding) -> bool:
    """Whether this binding does nothing in the console that it belongs to: such a key is not shown."""
    app = active.node.app
    options, state = getattr(app, "options", None), getattr(app, "link_state", None)
    if options is None or state is None:
        return False
    place, name, _ = parse(active.binding.action)
    return refusal(app if place == "app" else active.node, name, options, state) is not None
