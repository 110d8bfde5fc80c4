"""The header of the doctor's requests hides no spending: of limits never, of Usage only what is as small as a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from joytui.core.joytoken import DOCTOR_OUTPUT
from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, answer_json
from tests.gateway.served import SAY_HI, served
from tests.upstreams.calling import ANSWER

USED = {"prompt_tokens": 10, "cost_credits": "0.5"}


@pytest.mark.parametrize("mark", ["x_joytui_doctor", "x_request_id"])
async def test_no_spending_hides_behind_the_doctors_mark(tmp_path: Path, mark: str) -> None:
    """A small question with a long answer is not a test; what stays a test is told with its sum, and held to the limit."""

    def answer(seen: Seen) -> Scripted:
        if seen.method == "GET":
            return answer_json({"data": [{"id": "m"}]})
        many = DOCTOR_OUTPUT + 1 if b"an essay" in seen.raw else 5
        return answer_json({**ANSWER, "usage": {**USED, "completion_tokens": many, "total_tokens": many + 10}})

    async with ChatUpstream(answer) as upstream, served(tmp_path, upstream=upstream.url) as here:
        key = await here.key(daily_limit="2.1")
        asked = [{"model": "m", "messages": [{"role": "user", "content": "an essay"}]}] * 2 + [
            {**SAY_HI, "model": "m"}
        ] * 2
        statuses = []
        for number, body in enumerate(asked):
            value = f"joytui-doctor-{number}" if mark == "x_request_id" else "1"
            statuses.append((await here.chat(key, body, **{mark: value})).status_code)
        rows = await here.logs()
        shown = await here.ask("usage", by="key", tests="out")
        (told,) = (await here.ask("keys"))["keys"]
        spent = sum(float(row["cost_credits"] or 0) for row in rows)
        assert statuses[:2] == [200, 200]
        assert [row["doctor"] for row in rows[-2:]] == [False, False]
        assert shown["totals"]["requests"] == 2
        assert shown["left_out"]["requests"] == len(rows) - 2
        assert float(shown["totals"]["cost_credits"]) + float(shown["left_out"]["cost_credits"]) == pytest.approx(spent)
        assert float(told["spent"]) == pytest.approx(spent)
        assert told["last_used_at"] is not None
