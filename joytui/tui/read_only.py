"""What a read-only console refuses, and the words for it: whatever changes a key, a file or a setting, or spends credits."""

from __future__ import annotations

from textual.actions import parse
from textual.binding import ActiveBinding

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


def refusal(target: object, name: str) -> str | None:
    """Why a read-only console does not do this action of that screen (or of the console); None if it does it."""
    from textual.app import App

    mode = "" if isinstance(target, App) else getattr(target, "MODE", None)
    return REFUSED.get(mode, {}).get(name) if mode is not None else None


def refused_here(active: ActiveBinding) -> bool:
    """Whether this binding does nothing in the console that it belongs to: such a key is not shown."""
    app = active.node.app
    options = getattr(app, "options", None)
    if options is None or not options.read_only:
        return False
    place, name, _ = parse(active.binding.action)
    return refusal(app if place == "app" else active.node, name) is not None
