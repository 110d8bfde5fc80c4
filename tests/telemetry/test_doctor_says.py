"""The doctor's report tells whether telemetry is on, and whether the gateway takes it; without an exporter it tells nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from joytui.codex.world import Invocation
from joytui.core.joytoken import KEY_VARIABLE, config_block
from joytui.core.records import Report
from joytui.doctor.examine import examine
from joytui.doctor.report import render_text, report_json
from joytui.doctor.report_file import report_from_json
from tests.gateway.served import Served, served
from tests.telemetry.test_real_codex import token

EXPORTER = '[otel]\nexporter = {{ otlp-http = {{ endpoint = "{url}", protocol = "json", headers = {{ authorization = "Bearer {token}" }} }} }}\n'


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path / "gateway") as here:
        yield here


async def examined(gateway: Served, folder: Path, more: str, *, send: bool = True) -> Report:
    """The report on a Codex that talks to the gateway, with more in its config.toml."""
    (folder / "ch").mkdir()
    (folder / "ch" / "config.toml").write_text(config_block(f"{gateway.url}/openai/v1") + more)
    env = {"PATH": "", "HOME": str(folder), "CODEX_HOME": str(folder / "ch"), KEY_VARIABLE: await gateway.key()}
    return await asyncio.to_thread(
        examine, Invocation((), env, folder, "0.171.0", folder / "etc"), send=send, timeout=20.0
    )


async def test_it_is_on_and_arrives(gateway: Served, tmp_path: Path) -> None:
    secret = await token(gateway)
    report = await examined(gateway, tmp_path, EXPORTER.format(url=f"{gateway.url}/otlp/v1/logs", token=secret))
    assert report.verdict.works
    told = report_json(report)["telemetry"]
    assert (told["on"], told["arrives"], told["endpoint"]) == (True, True, f"{gateway.url}/otlp/v1/logs")
    assert told["origin"].endswith("config.toml:9")
    text = render_text(report)
    assert text.count("Telemetry is on and arrives") == 1
    assert secret not in text + str(report_json(report))
    assert report_from_json(report_json(report)).telemetry == report.telemetry
    [row] = (await gateway.admin.get("/console/v1/requests", params={"tests": "in"})).json()["requests"]
    assert row["source"] == "gateway", "asking left nothing behind but the doctor's own request"


@pytest.mark.parametrize(
    ("url", "words"),
    [("{url}/otlp/v1/logs", "answers 401, its token is not known there"), ("http://127.0.0.1:9/otlp/v1/logs", "does not answer")],
)  # fmt: skip
async def test_it_is_on_and_does_not_arrive(url: str, words: str, gateway: Served, tmp_path: Path) -> None:
    exporter = EXPORTER.format(url=url.format(url=gateway.url), token="jtt_" + "a1" * 21)
    report = await examined(gateway, tmp_path, exporter)
    assert report.verdict.works, "no turn depends on it"
    assert report.telemetry is not None
    assert (report.telemetry.on, report.telemetry.arrives) == (True, False)
    assert words in report.telemetry.summary
    assert report.telemetry.summary[:30] in render_text(report)


async def test_nobody_is_asked_where_nothing_may_be_sent(gateway: Served, tmp_path: Path) -> None:
    exporter = EXPORTER.format(url=f"{gateway.url}/otlp/v1/logs", token="jtt_" + "a1" * 21)
    report = await examined(gateway, tmp_path, exporter, send=False)
    assert report.telemetry is not None
    assert (report.telemetry.on, report.telemetry.arrives) == (True, None)


async def test_somebody_elses_exporter_and_none(gateway: Served, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    own = '[otel]\nexporter = { otlp-http = { endpoint = "https://ann:pw@collector.example/v1/logs?k=1", protocol = "binary" } }\n'
    other = (await examined(gateway, tmp_path / "a", own, send=False)).telemetry
    assert other is not None
    assert (other.on, other.endpoint, other.arrives) == (False, "https://collector.example/v1/logs", None)
    assert "telemetry" not in report_json(await examined(gateway, tmp_path / "b", "", send=False))
