"""What belongs to a request but is not in its row: all that the gateway measured, its key's policy and budgets as they
are now, and what it moved in the wallet. Asked for one request at a time, when its detail is open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from joytui.core.errors import JoytuiError
from joytui.core.request import RequestRecord

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import KeyView, WalletEntryView

PAGE = 1000
PAGES = 3


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`record`: the whole record, with the times that the log's columns leave out. `moves`: the wallet's entries of this request, oldest first; None if they are too far back to be looked for.
    `problem` says why something could not be asked."""

    request: str
    record: RequestRecord | None = None
    key: KeyView | None = None
    moves: tuple[WalletEntryView, ...] | None = ()
    problem: str = ""


async def surroundings(client: ConsoleClient, record: RequestRecord) -> Surroundings:
    """Asks the gateway. Errors become `problem`: the detail is shown without."""
    found = Surroundings(record.id)
    asking = "the gateway"
    try:
        found = replace(found, record=await client.request(record.id))
        asking = "its key"
        found = replace(found, key=await client.key(record.key_id) if record.key_id else None)
        asking = "the wallet"
        return replace(found, moves=await _moves(client, record))
    except JoytuiError as error:
        return replace(found, problem=f"{asking}: {error.what}")


async def _moves(client: ConsoleClient, record: RequestRecord) -> tuple[WalletEntryView, ...] | None:
    if record.tier is None:
        return ()
    before: int | None = None
    found: list[WalletEntryView] = []
    for _ in range(PAGES):
        page = await client.wallet_entries(tier=record.tier, limit=PAGE, before=before)
        found += [entry for entry in page if entry.request == record.id]
        if len(page) < PAGE or page[-1].time < record.time:
            return tuple(reversed(found))
        before = page[-1].id
    return tuple(reversed(found)) or None
