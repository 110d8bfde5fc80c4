"""The one owner of stdout and stderr: data goes to stdout, words to stderr; colour only where a terminal wants it.

No control character leaves by it, wherever it goes, but for the ends of lines, tabs, and the colours of `paint`: a pipe often
ends in somebody's terminal.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from joytui.core.errors import JoytuiError
from joytui.core.own_command import as_typed

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


_KEPT = re.compile(r"(\r?\n|\t)")
_KEPT_ON_A_TERMINAL = re.compile(rf"(\r?\n|\t|\x1b\[(?:{'|'.join(['0', *STYLES.values()])}|;)+m)")


def emit(text: str = "", *, here: bool = True) -> None:
    """A line of data on stdout. `here`: its commands are to be typed in this shell, not by somebody else."""
    sys.stdout.write(_fit(as_typed(text) if here else text, sys.stdout) + "\n")


def emit_json(data: Any) -> None:
    """Data as indented JSON on stdout, one document."""
    sys.stdout.write(_json(json.dumps(data, ensure_ascii=False, indent=2)) + "\n")


def emit_json_line(data: Any) -> None:
    """Data as one line of JSON on stdout, flushed: made for pipes that follow."""
    sys.stdout.write(_json(json.dumps(data, ensure_ascii=False, separators=(",", ":"))) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Words for a person, on stderr."""
    sys.stderr.write(_fit(as_typed(text), sys.stderr) + "\n")
    sys.stderr.flush()


def _fit(text: str, stream: TextIO) -> str:
    """A text without control characters, but for those that are ours."""
    if text.replace("\n", "").isprintable():
        return text
    from joytui.core.redaction import visible  # late: its patterns cost 4 ms, and most texts need none of them

    pieces = (_KEPT_ON_A_TERMINAL if colours(stream) else _KEPT).split(text)
    return "".join(piece if at % 2 else visible(piece) for at, piece in enumerate(pieces))


def _json(text: str) -> str:
    if text.replace("\n", "").isprintable():
        return text
    from joytui.core.redaction import escaped_json

    return escaped_json(text)


def complain(error: JoytuiError) -> None:
    """An error with its place and its hint, on stderr."""
    place = f"{error.where}: " if error.where else ""
    say(f"{paint('joytui:', 'red', stream=sys.stderr)} {place}{error.what}")
    if error.hint:
        say(f"  {paint('hint:', 'cyan', stream=sys.stderr)} {error.hint}")


def colours(stream: TextIO) -> bool:
    """Whether colour is welcome there: a terminal, and neither NO_COLOR nor TERM=dumb."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, *styles: str, stream: TextIO | None = None) -> str:
    """Text in colour where the stream (stdout unless given) wants it."""
    if not styles or not colours(stream or sys.stdout):
        return text
    return f"\x1b[{';'.join(STYLES[s] for s in styles)}m{text}\x1b[0m"


def text_width() -> int:
    """Columns for running text: the terminal's (or COLUMNS), 60 to 100; 100 where nothing tells."""
    import shutil

    return max(60, min(100, shutil.get_terminal_size((100, 24)).columns))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Aligned columns; `right` holds the indices of those that align right. Cells lose their control characters."""
    from joytui.core.redaction import visible  # late: its patterns cost 4 ms, and JSON needs none of them

    cells = [[visible(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(len(head[i]), *(len(row[i]) for row in cells)) if cells else len(head[i]) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        parts = (c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        return "  ".join(parts).rstrip()

    return "\n".join([paint(line(head), "bold"), *(line(row) for row in cells)])
