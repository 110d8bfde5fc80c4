"""How many examples a property or a table is tried on: all in CI, a part on a user's machine, where the tests should end soon."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

ALL = os.environ.get("JOYTUI_REQUIRE") == "1"


def examples(count: int) -> int:
    return count if ALL else count // 3


def sample(every: Sequence[T]) -> list[T]:
    return list(every if ALL else every[::4])
