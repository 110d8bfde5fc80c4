"""What a console in a browser is started with: its command line, which holds no key, and an environment without secrets that it does not need."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from joytui.core.joytoken import KEY_VARIABLE
from joytui.core.redaction import may_name_secret

SCREENS = ("doctor", "logs", "usage", "keys")
LEAST, MOST = (20, 5), (500, 200)

_THEME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
_VIEW = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CODEX_FILE_LIMIT = 1_000_000
# Variables of the page's own machinery, which the caller's shell must not decide.
_OURS = ("JOYTUI_ADMIN_TOKEN", "TEXTUAL", "COLUMNS", "LINES", "ROWS")


@dataclass(frozen=True, slots=True)
class Wish:
    """What one page asks for in its address, checked: anything else than a known word is left out."""

    width: int = 80
    height: int = 24
    screen: str | None = None
    theme: str | None = None
    light: bool = False
    view: str | None = None

    @staticmethod
    def of(query: Mapping[str, str]) -> Wish:
        screen, theme = query.get("screen", ""), query.get("theme", "")
        return Wish(
            *size(query.get("width"), query.get("height")),
            screen=screen if screen in SCREENS else None,
            theme=theme if _THEME.fullmatch(theme) else None,
            light=query.get("light") == "1",
            view=query.get("view") if _VIEW.fullmatch(query.get("view", "")) else None,
        )


def size(width: object, height: object) -> tuple[int, int]:
    """Columns and lines within limits that a console can draw; 80×24 where there is no number."""
    return _within(width, 80, LEAST[0], MOST[0]), _within(height, 24, LEAST[1], MOST[1])


def _within(value: object, otherwise: int, least: int, most: int) -> int:
    text = str(value)
    return max(least, min(most, int(text))) if text.isascii() and text.isdecimal() and len(text) < 7 else otherwise


def command(wish: Wish, options: list[str], *, changes: bool, theme: str | None, screen: str | None) -> list[str]:
    """The console's command line. The page's wishes win over the command's."""
    words = [sys.executable, "-m", "joytui", "--served", "changes" if changes else "read-only", *options]
    if chosen := wish.screen or screen:
        words += ["--screen", chosen]
    if wish.view:
        words.append(f"--view={wish.view}")
    if look := wish.theme or theme:
        words.append(f"--theme={look}")
    return [*words, "--light"] if wish.light else words


def environment(env: Mapping[str, str], wish: Wish, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of one console: ours without what may be a secret, but for the variables that Codex's own
    configuration names, since the doctor says whether they are set. `more` is laid over it."""
    named = _named_by_codex(env)
    kept = {name: value for name, value in env.items() if name in named or not may_name_secret(name)}
    kept = {name: value for name, value in kept.items() if not name.startswith(_OURS)}
    drawing = {
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
        "TEXTUAL_FPS": "30",
        "TERM_PROGRAM": "textual",
        "COLUMNS": str(wish.width),
        "ROWS": str(wish.height),
    }
    return {**kept, **drawing, **more}


def _named_by_codex(env: Mapping[str, str]) -> set[str]:
    """Every word in the TOML files of Codex's home: an `env_key` is one of them, wherever it stands."""
    home = Path(env.get("CODEX_HOME") or Path(env.get("HOME") or Path.home()) / ".codex")
    words = {KEY_VARIABLE, "OPENAI_API_KEY", "CODEX_API_KEY"}
    for file in [*home.glob("*.toml"), Path("/etc/codex/config.toml"), Path("/etc/codex/managed_config.toml")]:
        try:
            with file.open(encoding="utf-8", errors="replace") as text:
                words.update(_WORD.findall(text.read(_CODEX_FILE_LIMIT)))
        except OSError:
            continue  # what cannot be read names nothing; the doctor says so itself
    return words
