"""The Triage panel of the Doctor screen: p, paste, read, copy the reply."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Paste
from textual.widgets import TextArea

from joytui.client.console import ConsoleClient
from joytui.tui.app import ConsoleApp
from joytui.tui.link import Link
from joytui.tui.screens.triage import TriageDialog
from tests.gateway.served import ADMIN, SAY_HI, served
from tests.tui.opening import console, settle

KEY = "jt_live_0123456789abcdef"
TICKET = f"""ann@mac % codex exec hi
ERROR: unexpected status 404 Not Found: no route POST /v1/responses, url: https://api-dev.joytokens.ai/v1/responses
my key is {KEY}
"""


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_a_ticket_is_pasted_and_its_reply_copied(size: tuple[int, int]) -> None:
    app = console("doctor")
    async with app.run_test(size=size) as pilot:
        await pilot.press("p")
        dialog = app.screen
        assert isinstance(dialog, TriageDialog)
        dialog.query_one(TextArea).post_message(Paste(TICKET))
        while dialog.answer is None:
            await pilot.pause(0.02)
        await settle(app, pilot)
        shown = str(dialog.query_one("#answer").render())
        assert "base-url-path" in shown
        assert dialog.answer.sure == "decided"
        await pilot.press("ctrl+r")
        assert app.clipboard == dialog.answer.reply
        assert KEY not in shown + app.clipboard
        await pilot.press("ctrl+l")
        while dialog.answer is not None:
            await pilot.pause(0.02)
        await pilot.press("escape")
        assert not isinstance(app.screen, TriageDialog)


async def read_in(app: ConsoleApp, ticket: str) -> str:
    """What the pane shows once the ids in the ticket were looked up."""
    async with app.run_test(size=(140, 40)) as pilot:
        await pilot.press("p")
        dialog = app.screen
        assert isinstance(dialog, TriageDialog)
        dialog.query_one(TextArea).post_message(Paste(ticket))
        while dialog.answer is None or dialog.answer.looked_up is None:
            await pilot.pause(0.02)
        await settle(app, pilot)
        return str(dialog.query_one("#answer").render())


async def test_a_request_in_the_ticket_is_looked_up(tmp_path: Path) -> None:
    ticket = "exceeded retry limit, last status: 429 Too Many Requests, request id: req-of-ann"
    assert "joytui triage --request req-of-ann" in await read_in(console("doctor"), ticket)
    async with served(tmp_path) as gateway:
        key = await gateway.key("codex-ann", daily_limit="0.001")
        assert (await gateway.chat(key, SAY_HI, x_request_id="req-of-ann")).status_code == 402
        async with ConsoleClient(gateway.url, ADMIN) as client:
            app = console("doctor")
            link = Link(app.options.places, lambda _: None)
            link.client = client
            app.__dict__["link"] = link
            shown = await read_in(app, ticket)
    assert "insufficient-quota" in shown
    assert "codex-ann" in shown


def test_the_answer_s_headings_are_told_apart_and_each_advice_has_its_own_line() -> None:
    from joytui.doctor.triage import triage
    from joytui.tui.doctor.triage_text import answered

    told = answered(
        triage(
            "ERROR: unexpected status 403 Forbidden: forbidden, url: https://api-dev.joytokens.ai/openai/v1/responses"
        ),
        70,
    )
    lines = [line.strip() for line in told.plain.split("\n")]
    assert max(map(len, told.plain.split("\n"))) <= 70
    assert any(line.startswith("What to do:") for line in lines)
    assert not any(line.find("What to do:") > 0 for line in lines)
    styled = {told.plain[span.start : span.end]: str(span.style) for span in told.spans}
    assert styled["REPLY TO SEND"] == "bold $quiet"
