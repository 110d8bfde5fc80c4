"""Asks the terminal for its background colour while the imports run, so that following it costs no time.

`ask()` writes OSC 11 and silences the echo; `answer()` reads what has come by then, and puts the terminal back.
Over ssh nothing is asked: an answer that comes after the start would be taken for keys.
"""

from __future__ import annotations

import os
import re
import select
import sys
from typing import Any

_RGB = re.compile(rb"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_ASKS = {"xterm", "tmux", "alacritty", "foot", "ghostty", "rxvt", "konsole", "contour", "wezterm"}


class Question:
    """One OSC 11 query on the controlling terminal of stdin. Use on a tty only."""

    def __init__(self) -> None:
        self._before: list[Any] | None = None

    def ask(self) -> None:
        """Writes the query, where this terminal is of a kind that answers fast and nothing says so already."""
        if "COLORFGBG" in os.environ or os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
            return
        term = os.environ.get("TERM", "")
        if not any(term.startswith(kind) for kind in _ASKS):
            return
        try:
            import termios

            fd = sys.stdin.fileno()
            self._before = termios.tcgetattr(fd)
            silent = termios.tcgetattr(fd)
            silent[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(fd, termios.TCSANOW, silent)
            os.write(sys.stderr.fileno(), b"\x1b]11;?\x1b\\")
        except (ImportError, OSError, ValueError):
            self._before = None

    def answer(self) -> bool:
        """Whether the background is dark. Without an answer: by COLORFGBG, else yes. Restores the terminal."""
        if self._before is None:
            return _dark_by_environment(os.environ.get("COLORFGBG", ""))
        import termios

        fd = sys.stdin.fileno()
        data = b""
        try:
            while len(data) < 256 and select.select([fd], [], [], 0)[0]:
                data += os.read(fd, 256)
        except OSError:
            pass
        finally:
            termios.tcsetattr(fd, termios.TCSANOW, self._before)
        return is_dark(data)


def is_dark(answer: bytes) -> bool:
    """Whether an OSC 11 answer names a dark colour (relative luminance below a half); yes if it is none."""
    match = _RGB.search(answer)
    if not match:
        return True
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in match.groups())
    luminance: float = 0.299 * red + 0.587 * green + 0.114 * blue
    return luminance < 0.5


def _dark_by_environment(colorfgbg: str) -> bool:
    """COLORFGBG is "foreground;background" in the 16 colours; 7 and 9 to 15 are light backgrounds."""
    last = colorfgbg.rpartition(";")[2]
    return not (last.isdigit() and (int(last) == 7 or int(last) >= 9))
