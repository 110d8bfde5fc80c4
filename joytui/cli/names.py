"""Names that people give: of keys, tokens, teams and owners. The gateway checks them again."""

from __future__ import annotations

from joytui.core.errors import UsageError

MOST = 80


def check_name(text: str | None, where: str) -> None:
    """Nothing for None. Raises UsageError. `where`: what the parser calls it."""
    if text is not None and not 1 <= len(text) <= MOST:
        raise UsageError(f"must have 1 to {MOST} characters, not {len(text)}", where=where)
