"""The console's link to a gateway that goes away at the worst moment."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from joytui.client.console import ConsoleClient
from joytui.core.errors import UnreachableError
from joytui.core.places import places
from joytui.tui.link import Link
from joytui.tui.logs.store import LogStore
from joytui.tui.state import LinkState
from tests.gateway.served import ADMIN, served
from tests.support.hang import HANG_S


async def test_a_gateway_that_goes_after_its_first_page_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, asked = ConsoleClient.status_facts, []

    async def away_at_first(client: ConsoleClient) -> Any:
        asked.append(client)
        if len(asked) == 1:
            raise UnreachableError("the connection broke")
        return await status(client)

    monkeypatch.setattr(ConsoleClient, "status_facts", away_at_first)
    monkeypatch.setattr("joytui.tui.link.WATCH_S", 0.01)
    async with served(tmp_path) as gateway:
        monkeypatch.setenv("JOYTUI_ADMIN_TOKEN", ADMIN)
        known, states = asyncio.Event(), []

        def changed(state: LinkState) -> None:
            states.append(state)
            if state.role is not None:
                known.set()

        link = Link(places({"JOYTUI_DATA_DIR": str(tmp_path / "console")}), changed, gateway_url=gateway.url)
        following = asyncio.create_task(link.run(LogStore(), start=False))
        try:
            heard = asyncio.create_task(known.wait())
            await asyncio.wait({following, heard}, timeout=HANG_S, return_when=asyncio.FIRST_COMPLETED)
            assert heard.done()
        finally:
            following.cancel()
            await link.leave()
    assert "failed" not in [state.phase for state in states]
    assert states[-1].phase == "live"
