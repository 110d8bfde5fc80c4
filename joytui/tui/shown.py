"""Text that may have come from a file or the wire, fit for a terminal. The rules are those of core.redaction.

Most texts need nothing, and then the expressions of core.redaction are not compiled before the first frame.
"""

from __future__ import annotations

_UNTYPED = r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]"


def pasted(text: str) -> str:
    """What was pasted without colours and control characters, which no field shows; lines and tabs stay."""
    import re

    return re.sub(_UNTYPED, "", text.replace("\r\n", "\n").replace("\r", "\n"))


def visible(text: str, *, limit: int | None = None) -> str:
    """Control characters as spaces, cut at `limit`; newlines stay."""
    if text.isprintable() and (limit is None or len(text) <= limit):
        return text
    from joytui.core.redaction import visible as replaced

    return replaced(text, limit=limit)


def fit_line(text: str, limit: int) -> str:
    """A name on one line, with an ellipsis where it is cut."""
    line = visible(text).replace("\n", " ")
    return line if len(line) <= limit else line[: limit - 1] + "…"
