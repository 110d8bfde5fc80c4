"""What is known of one request when everything that has to do with it is joined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from joytui.causes import Cause
from joytui.core.request import RequestRecord

if TYPE_CHECKING:
    from joytui.codex.rollouts.turns import Turn
    from joytui.core import wire


@dataclass(frozen=True, slots=True)
class WalletThen:
    """A tier's wallet when the request came: decimal credits. None: no wallet was set then, or its entries are gone."""

    tier: str
    balance: str | None
    movements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """One request, joined. `cause` None: it was served."""

    record: RequestRecord
    cause: Cause | None
    key: wire.KeyView | None
    wallet: WalletThen | None
    turn: Turn | None
    thread_turns: int
    reply: str
