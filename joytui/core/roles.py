"""The roles of console tokens."""

from __future__ import annotations

from typing import Literal

Role = Literal["admin", "lead", "viewer"]

ROLES: dict[Role, str] = {
    "admin": "does everything",
    "lead": "sees only its own teams; edits their keys and budgets",
    "viewer": "reads everything, changes nothing",
}
"""Each role, and what it may do in words. Which route takes which is `gateway.routes`."""
