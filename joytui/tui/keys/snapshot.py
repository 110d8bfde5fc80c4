"""What Keys shows at one moment, frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joytui.core.wire import KeyView


@dataclass(frozen=True, slots=True)
class KeysSnapshot:
    """All keys of the gateway, in its order; `loaded` is False before the first answer."""

    keys: tuple[KeyView, ...] = ()
    loaded: bool = False
    problem: str = ""

    def find(self, key_id: str) -> KeyView | None:
        return next((key for key in self.keys if key.id == key_id), None)
