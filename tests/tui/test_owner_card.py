"""A person's card: whether a limit lasts, how the week compares, whose keys they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from joytui.client.console import ConsoleClient
from joytui.core.clock import now
from joytui.core.money import parse_credits
from joytui.tui.people.owner import OwnedKey, Subject, _owned, read_owner
from joytui.tui.people.owner_text import card
from tests.gateway.served import ADMIN, served
from tests.support.clock import NOW
from tests.tui import data
from tests.tui.opening import SIZE, console, fill


@pytest.mark.parametrize("width", [60, 72, 110])
def test_the_card_fits_and_says_it_all(width: int) -> None:
    text = card(data.owner_card(), NOW, UTC, width).plain
    assert all(len(line) <= width for line in text.splitlines())
    for words in ("▲ +", "3 keys, 2 active", "▲ used up today 16:35", "✗ 14 in 7 days", "insufficient-quota 12"):
        assert words in text
    assert text.splitlines()[1].endswith("█")


def test_a_limit_that_resets_first_lasts() -> None:
    key = data.owner_card().keys[0].key
    assert OwnedKey(key, 0, 400_000_000).used_up(NOW) == NOW + timedelta(hours=2.5)
    assert OwnedKey(key, 0, 40_000_000).used_up(NOW) is None
    assert OwnedKey(key, 0, 0).used_up(NOW) is None


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ((1,) * 14, "= +0%"),
        ((1,) * 7 + (20,) * 7, "▲ 20×"),
        ((4,) * 7 + (1,) * 7, "▼ -75%"),
        ((0,) * 7 + (1,) * 7, "nothing in"),
    ],
)
def test_the_week_beside_the_one_before(days: tuple[int, ...], words: str) -> None:
    assert words in card(replace(data.owner_card(), days=(0,) * 14 + days), NOW, UTC, 100).plain


def test_whose_keys() -> None:
    keys = data.keys()
    owner, mine = _owned(keys, Subject(key="workshop"))
    assert (owner, [key.name for key in mine]) == ("Anna", ["codex-anna", "workshop"])
    assert [key.name for key in _owned(keys, Subject(key="docs-bot"))[1]] == ["docs-bot"]
    assert _owned(keys, Subject("nobody")) == ("nobody", [])


@pytest.mark.parametrize("keys", [("g", "down"), ("g", "v")])
async def test_a_line_of_usage_names_a_person(keys: tuple[str, ...]) -> None:
    """By key: the line of the ranking, or of the table behind the chart."""
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        assert app.screen.subject() is None
        for key in keys:
            await pilot.press(key)
            await fill(app, pilot)
        subject = app.screen.subject()
    assert subject is not None
    assert subject.owner is None
    assert subject.key


@pytest.mark.parametrize("owner", ["Anna", None])
async def test_a_name_that_another_key_had_before_brings_nothing_of_that_ones(
    tmp_path: Path, owner: str | None
) -> None:
    async with served(tmp_path) as gateway:
        client = ConsoleClient(gateway.url, ADMIN)
        for person, many in (("Ben", 3), (owner, 1)):
            made = await gateway.new_key("ci", owner=person)
            for _ in range(many):
                await gateway.chat(made["key"])
            if person == "Ben":
                await gateway.admin.post(f"/console/v1/keys/{made['id']}/revoke")
        await gateway.chat(made["key"], x_joytui_doctor="1", x_request_id="a-test")
        costs = [parse_credits(row["cost_credits"]) for row in await gateway.logs()]
        found = await read_owner(client, Subject(owner, None if owner else made["id"]), now())
        await client.aclose()
    assert found is not None
    assert [one.week for one in found.keys] == [found.week] == [sum(costs[:2])]
    assert found.last is not None
    assert found.last.doctor is False
