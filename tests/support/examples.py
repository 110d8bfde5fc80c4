"""How many examples a property is tried on: all in CI, a third on a user's machine, where the tests should end soon."""

from __future__ import annotations

import os

ALL = os.environ.get("JOYTUI_REQUIRE") == "1"


def examples(count: int) -> int:
    return count if ALL else count // 3
