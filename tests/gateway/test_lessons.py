"""What an upstream taught outlives the process, is shown, and can be forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.bridge.chat_upstream import ChatUpstream
from tests.gateway.served import served
from tests.upstreams.recorded.strict import Strict, field_refused

ASKED: dict[str, Any] = {"model": "m", "input": "hi", "stream": True}
STRICT = Strict("", field_refused("stream_options", "stream_options: unknown field"), ASKED)


async def test_a_lesson_outlives_the_process_and_is_forgotten_on_demand(tmp_path: Path) -> None:
    async with ChatUpstream(STRICT.script) as upstream:
        url = upstream.url
        settings = {"upstream": url, "upstream_api": "chat"}
        async with served(tmp_path, **settings) as first:
            key = await first.key()
            assert (await first.post("responses", key, ASKED)).status_code == 200
            [record] = await first.logs()
        async with served(tmp_path, **settings) as second:
            assert (await second.post("responses", key, ASKED)).status_code == 200
            [shown] = (await second.ask("upstreams"))["upstreams"]
            answer = await second.admin.delete("/console/v1/upstreams/lessons", params={"model": "m"})
            left = (await second.ask("upstreams"))["upstreams"][0]["lessons"]
        async with served(tmp_path, **settings) as third:
            kept = (await third.ask("upstreams"))["upstreams"][0]["lessons"]
    assert "refused (stream_options: unknown field); sent again: no stream_options" in str(record["notes"])
    assert len(upstream.turns) == 3
    assert (shown["api"], shown["url"]) == ("chat", url)
    assert [(one["model"], one["lesson"]) for one in shown["lessons"]] == [("m", "no stream_options")]
    assert answer.json() == {"forgotten": 1}
    assert left == kept == []
