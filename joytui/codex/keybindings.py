"""The words of `[tui.keymap]`: which keybindings Codex takes, and how it refuses the others (0.169.0, observed)."""

from __future__ import annotations

_MODIFIERS = {
    "ctrl": "ctrl", "control": "ctrl", "alt": "alt", "option": "alt", "shift": "shift",
    "super": "super", "cmd": "super", "command": "super",
}  # fmt: skip
_NAMED = frozenset(
    [
        "enter",
        "return",
        "tab",
        "backspace",
        "esc",
        "escape",
        "delete",
        "del",
        "up",
        "down",
        "left",
        "right",
        "home",
        "end",
        "page-up",
        "pageup",
        "pgup",
        "page-down",
        "pagedown",
        "pgdn",
        "space",
        "spacebar",
        "minus",
    ]
)
_FUNCTION_KEYS = range(1, 25)
_STROKES = 2
_SEE = "\nSee the Codex keymap documentation for supported actions and examples."
_EMPTY = "keybinding cannot be empty. Use values like `ctrl-a` or `shift-enter`." + _SEE
_UNKNOWN = (
    "unknown key `{0}` in keybinding `{1}`. Use a printable character (for example `a`), function keys (`f1`-`f24`), or "
    "one of: enter, tab, backspace, esc, delete, arrows, home/end, page-up/page-down, space, minus." + _SEE
)


def keybinding_fault(text: str) -> str | None:
    """Codex's words against a keybinding such as `ctrl-x ctrl-s`; None if it takes it."""
    strokes = text.split()
    if not strokes:
        return _EMPTY
    if len(strokes) > _STROKES:
        return (
            f"invalid keybinding `{text.strip()}`: key chords may contain at most {_STROKES} strokes "
            "(for example `ctrl-x ctrl-s`)."
        )
    return next((told for stroke in strokes if (told := _stroke_fault(stroke))), None)


def _stroke_fault(stroke: str) -> str | None:
    parts = [part for part in stroke.lower().split("-") if part]
    if not parts:
        return f"invalid keybinding `{stroke}`. Use values like `ctrl-a`, `shift-enter`, or `page-down`."
    seen: set[str] = set()
    while parts and parts[0] in _MODIFIERS:
        modifier = _MODIFIERS[parts.pop(0)]
        if modifier in seen:
            return f"duplicate modifier in keybinding `{stroke}`. Use each modifier at most once."
        seen.add(modifier)
    if not parts:
        return f"missing key in keybinding `{stroke}`. Add a key name like `a`, `enter`, or `page-down`."
    if any(part in _MODIFIERS for part in parts):
        return f"invalid keybinding `{stroke}`: modifiers must come before the key (for example `ctrl-a`)."
    key = "-".join(parts)
    return None if _is_key(key) else _UNKNOWN.format(key, stroke)


def _is_key(key: str) -> bool:
    if len(key) == 1:
        return key.isascii() and key.isprintable()
    number = key[1:]
    function = key[0] == "f" and number.isascii() and number.isdecimal() and int(number) in _FUNCTION_KEYS
    return function or key in _NAMED
