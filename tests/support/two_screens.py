"""pyte's screen with the second one that terminals have: a full-screen program draws there, and the shell's lines come back."""

from __future__ import annotations

import copy
from typing import Any

import pyte

ALTERNATE = 1049


class TwoScreens(pyte.Screen):
    """Mode 1049 as xterm and tmux do it: set, the shell's screen and cursor are put away and the other one is empty; reset,
    they come back and what was drawn is gone."""

    def __init__(self, columns: int, lines: int) -> None:
        self._away: tuple[Any, Any] | None = None
        super().__init__(columns, lines)

    @property
    def alternate(self) -> bool:
        """Whether the second screen shows."""
        return self._away is not None

    def reset(self) -> None:
        self._away = None
        super().reset()

    def set_mode(self, *modes: int, **kwargs: Any) -> None:
        super().set_mode(*modes, **kwargs)
        if kwargs.get("private") and ALTERNATE in modes:
            if self._away is None:
                self._away = copy.deepcopy(self.buffer), copy.copy(self.cursor)
            self.erase_in_display(2)

    def reset_mode(self, *modes: int, **kwargs: Any) -> None:
        super().reset_mode(*modes, **kwargs)
        if kwargs.get("private") and ALTERNATE in modes and self._away is not None:
            self.buffer, self.cursor = self._away
            self._away = None
            self.cursor.x, self.cursor.y = min(self.cursor.x, self.columns - 1), min(self.cursor.y, self.lines - 1)
            self.dirty.update(range(self.lines))
