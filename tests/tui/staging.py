"""A small team's machine: a gateway in its own process over three weeks of requests, keys with budgets, a Codex home.

The past is written by the ledger's own functions before the gateway starts; what is new goes through the gateway.
"""

from __future__ import annotations

import json
import random
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from joytui.core.places import Places, places
from joytui.core.request import Ended, Opened
from joytui.gateway.plain_keys import digest, new_key
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.records import Candidate, KeyRow, NewKey
from joytui.ledger.sql import keys
from joytui.ledger.sqlite.engine import SqliteLedger
from joytui.ledger.sqlite.requests import end_request, open_request
from tests.support.clock import NOW
from tests.support.hang import HANG_S
from tests.support.real_setup import Setup
from tests.tui.rollouts import write_session

PEOPLE: tuple[tuple[str, str | None, dict[str, Any], int], ...] = (
    ("codex-anna", "Anna", {"daily_limit": "160", "weekly_limit": "600"}, 9),
    ("codex-ben", "Ben", {"daily_limit": "9"}, 5),
    ("ci-nightly", "platform", {"fixed_model": "joytui-offline-mini", "total_limit": "200"}, 3),
    ("docs-bot", None, {"tiers": ["economy"]}, 2),
)
MODELS = (
    ("joytui-offline", "standard", 200, 900),
    ("joytui-offline-mini", "economy", 20, 80),
    ("joytui-offline-max", "premium", 1500, 7500),
)
DAYS = 21


@dataclass
class Stage:
    """`start` fills `url`; `plain` are the keys by name."""

    folder: Path
    plain: dict[str, str] = field(default_factory=dict)
    setup: Setup = field(init=False)

    def __post_init__(self) -> None:
        self.setup = Setup(self.folder)

    @property
    def where(self) -> Places:
        return places(self.setup.env)

    @property
    def url(self) -> str:
        return self.setup.url

    def fill(self, now: datetime, *, days: int = DAYS, as_at: datetime = NOW) -> None:
        """Keys, and `days` of requests: quiet nights and weekends, one night on which ci-nightly ran wild.

        Which of the hours before `now` are nights and weekends is as at `as_at`, the afternoon of a Monday unless told:
        a test has the same requests on every day of the week.
        """
        dice = random.Random(11)
        ledger = SqliteLedger.open_store(self.where.store)
        try:
            for name, owner, policy, share in PEOPLE:
                plain = self.plain[name] = new_key()
                hint = f"jt_…{plain[-4:]}"
                row = ledger.write_now(
                    keys.create_key, NewKey(digest(plain), name, hint, owner, (), None, policy, None), False
                )
                for back in range(days * 24, 0, -1):
                    hour = (now - timedelta(hours=back)).replace(minute=0, second=0, microsecond=0)
                    _one_hour(ledger, row, hour, as_at - timedelta(hours=back), share, back, dice)
        finally:
            ledger.close()

    def start(self, *options: str) -> None:
        self.setup.start_gateway(*options)

    def close(self) -> None:
        self.setup.stop_gateway()

    def ask(self, key: str, model: str = "auto", text: str = "say hi", **headers: str) -> int:
        """One request as a client sends it; its status."""
        body = json.dumps({"model": model, "input": text, "stream": False}).encode()
        head = {
            "Authorization": f"Bearer {self.plain.get(key, key)}",
            "Content-Type": "application/json",
            "User-Agent": "codex_exec/0.169.0 (Debian 12; x86_64)",
            **headers,
        }
        request = urllib.request.Request(f"{self.url}/openai/v1/responses", data=body, headers=head)
        try:
            with urllib.request.urlopen(request, timeout=HANG_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def work(self) -> None:
        """What a quarter of an hour brings: answers, a model that does not exist, a tier that is not allowed, a wrong key."""
        for number in range(24):
            self.ask(("codex-anna", "codex-ben", "ci-nightly")[number % 3], text=f"explain line {number} of this file")
        self.ask("docs-bot", "joytui-offline-max")
        self.ask("codex-anna", "gpt-9-turbo")
        self.ask("jt_local_" + "x" * 49)
        for number in range(6):
            self.ask("codex-anna", "joytui-offline-mini", text=f"and line {number}?")

    def sessions(self, now: datetime) -> None:
        """Codex's own files of the last days: two projects."""
        dice = random.Random(5)
        for back in range(12):
            project = ("/home/anna/shop", "/home/anna/payments")[back % 2]
            thread = f"0199f3a0-{back:04x}-7000-8000-000000000001"
            turns = [(dice.randint(9_000, 50_000), 4_000, dice.randint(100, 2_000)) for _ in range(4)]
            write_session(self.setup.codex_home, thread, now - timedelta(hours=13 * back + 1), project, turns)


def _one_hour(
    ledger: SqliteLedger, key: KeyRow, hour: datetime, like: datetime, share: int, back: int, dice: random.Random
) -> None:
    """What one key did in the hour that begins at `hour`, by the habits of the hour of `like`."""
    night = key.name == "ci-nightly"
    awake = like.hour in (1, 2, 3) if night else 8 <= like.hour < 19 and like.weekday() < 5
    many = dice.randint(0, share) if awake else 0
    if night and back == 5:
        many = 60
    for number in range(many):
        cheap = night or key.name == "docs-bot"
        model, tier, fed, made = MODELS[1] if cheap else dice.choices(MODELS, (6, 4, 1))[0]
        incoming, outgoing = dice.randint(800, 9_000) * (10 if night else 1), dice.randint(50, 900)
        cost = incoming * fed * 1_000 + outgoing * made * 1_000
        at = int((hour + timedelta(seconds=dice.randint(0, 3_500))).timestamp() * 1000)
        opened = Opened(
            (at << COUNTER_BITS) + number + share * 1_000, at, key.id, "auto", "/openai/v1/responses", True, None,
            f"0199f3a0-{like.hour:04x}-7000-8000-000000000001", None, "codex_exec/0.169.0", "127.0.0.1",
            root_thread=f"0199f3a0-{like.hour:04x}-7000-8000-000000000001",
        )  # fmt: skip
        bad = dice.random() < 0.02
        ended = Ended(
            model, "joytui", tier, 502 if bad else 200, error_type="upstream_error" if bad else None,
            input_tokens=0 if bad else incoming, cached_input_tokens=0 if bad else incoming // 3,
            output_tokens=0 if bad else outgoing, cost_nano=0 if bad else cost, cost_source="none" if bad else "upstream",
            ttft_ms=dice.uniform(200, 1_500), latency_ms=dice.uniform(1_500, 12_000),
        )  # fmt: skip
        ledger.submit(open_request, opened, Candidate(model, "joytui", tier, 0))
        ledger.submit(end_request, opened, ended, key.budget_id, False)


def now() -> datetime:
    return datetime.now(UTC)
