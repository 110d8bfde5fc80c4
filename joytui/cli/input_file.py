"""A file that a command reads whole, or stdin for `-`."""

from __future__ import annotations

import sys

from joytui.core.errors import UsageError


def read_input(name: str, limit: int) -> bytes:
    """At most `limit` bytes of it. Raises UsageError if it cannot be read."""
    if name == "-":
        return sys.stdin.buffer.read(limit)
    try:
        with open(name, "rb") as file:
            return file.read(limit)
    except (OSError, ValueError) as error:
        raise UsageError(str(getattr(error, "strerror", None) or error), where=name) from None
