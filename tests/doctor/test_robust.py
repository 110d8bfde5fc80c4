"""Any bytes as config.toml, key or answer: a verdict within the limit, never a traceback, never the key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from joytui.causes import CAUSES
from joytui.codex.world import Invocation
from joytui.core.records import Report
from joytui.doctor import examine, limits, probe, render_text, report_from_json, report_json
from joytui.doctor.report import redacted
from tests.support.hang import HANG_S
from tests.support.raw_gateway import CONFIG, HEAD, KEY, OK, RawGateway, answering

PROMPT, SILENT = HEAD + OK, HEAD

_words = st.text(st.characters(exclude_characters="\0"), max_size=11)
keys = _words | st.builds("{}planted{}".format, _words, _words)  # a long one that is not a word of a report itself
quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def run(folder: Path, config: bytes, key: str = KEY, *, send: bool = True, limit: float = HANG_S) -> Report:
    home = folder / "ch"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_bytes(config)
    env = {"HOME": str(folder), "CODEX_HOME": str(home), "JOY_TOKEN_API_KEY": key, "PATH": "/nowhere"}
    invocation = Invocation((), env, folder, "0.169.0", system_dir=folder / "etc")
    report = examine(invocation, send=send, timeout=limit)
    check(report, key)
    return report


def check(report: Report, key: str) -> None:
    text = json.dumps(report_json(report)) + render_text(report)
    if len(key.strip()) >= 12:
        assert key.strip() not in text
    assert report.verdict.cause is None or report.verdict.cause in CAUSES
    assert [row.row for row in report.table] == ["401", "403", "402", "model-not-found", "no-logs", "other"]
    assert report_json(report_from_json(json.loads(json.dumps(report_json(report))))) == report_json(report)


@quick
@given(
    config=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass")))
)
def test_any_config(tmp_path_factory: pytest.TempPathFactory, config: bytes) -> None:
    run(tmp_path_factory.mktemp("c"), config, send=False)


@quick
@given(key=keys)
def test_any_key(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    with answering(HEAD + OK) as port:
        run(tmp_path_factory.mktemp("k"), CONFIG.format(port=port).encode(), key)


@quick
@given(
    raw=st.binary(max_size=300),
    head=st.sampled_from([b"", HEAD, b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n"]),
)
def test_any_answer(tmp_path_factory: pytest.TempPathFactory, raw: bytes, head: bytes) -> None:
    with answering(head + raw) as port:
        run(tmp_path_factory.mktemp("a"), CONFIG.format(port=port).encode())


def test_a_gateway_that_repeats_the_key(tmp_path: Path) -> None:
    body = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}", "type": "invalid_api_key"}}).encode()
    with answering(
        b"HTTP/1.1 401 Unauthorized\r\nx-request-id: %s\r\nconnection: close\r\n\r\n" % KEY.encode() + body
    ) as port:
        report = run(tmp_path, CONFIG.format(port=port).encode())
    assert report.verdict.cause == "key-rejected"


def test_silence_ends_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor's time stands still until the gateway has its request, and is over then."""
    with RawGateway([b""], unfinished=[b""]) as silent:
        theirs = SimpleNamespace(monotonic=lambda: HANG_S if silent.heard.is_set() else 0.0)
        monkeypatch.setattr(limits, "time", theirs)
        report = run(tmp_path, CONFIG.format(port=silent.port).encode(), limit=1.0)
    assert (report.verdict.cause, report.verdict.works) == ("no-response", None)


def test_a_cancelled_walk_ends_at_once(tmp_path: Path) -> None:
    """While it waits it asks whether it is cancelled; once it is, it starts nothing else that asks."""
    told: list[bool] = []
    with RawGateway([b""], unfinished=[b""]) as silent:
        home = tmp_path / "ch"
        home.mkdir()
        (home / "config.toml").write_text(CONFIG.format(port=silent.port))
        env = {"HOME": str(tmp_path), "CODEX_HOME": str(home), "JOY_TOKEN_API_KEY": KEY, "PATH": "/nowhere"}

        def cancelled() -> bool:
            told.append(silent.heard.is_set())
            return told[-1]

        invocation = Invocation((), env, tmp_path, "0.169.0", tmp_path / "etc")
        report = examine(invocation, timeout=HANG_S, cancelled=cancelled)
    assert told.count(True) < 5
    assert (report.verdict.works, report.verdict.cause) == (None, None)


def test_a_profile_whose_name_no_file_can_have(tmp_path: Path) -> None:
    report = run(tmp_path, f'profile = "{"x" * 300}"\n'.encode(), send=False)
    assert report.verdict.cause == "profile-legacy"
    assert render_text(report)


def test_healthy(tmp_path: Path) -> None:
    with answering(HEAD + OK) as port:
        report = run(tmp_path, CONFIG.format(port=port).encode())
    assert (report.verdict.works, report.verdict.cause) == (True, None)
    assert {step.id: step.status for step in report.steps}["stream"] == "pass"


@pytest.mark.parametrize(
    ("retries", "answers", "says"),
    [
        (5, [SILENT, PROMPT, PROMPT, PROMPT, PROMPT, PROMPT], "healthy"),
        (1, [SILENT], "stream-idle"),
        (0, [SILENT], "stream-idle"),
        (5, [PROMPT], "healthy"),
    ],
)
def test_no_patience_is_judged_by_as_many_tries_as_codex_makes(
    tmp_path: Path, retries: int, answers: list[bytes], says: str
) -> None:
    """stream_idle_timeout_ms = 0 works in Codex 0.169.0 if one of its tries finds the events waiting (observed)."""
    with RawGateway(answers, unfinished=[SILENT]) as gateway:
        config = CONFIG.replace("= 60000", "= 0").replace("stream_max_retries = 0", f"stream_max_retries = {retries}")
        report = run(tmp_path, config.format(port=gateway.port).encode())
    assert (report.verdict.cause or "healthy") == says


def test_a_short_limit_is_given_a_second_chance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Codex asks again; the doctor does so once where its own time allows for a whole second try."""
    monkeypatch.setattr(probe, "SHORT_IDLE_MS", 100)
    # so that 150 ms stand for the 1 to 3 s that nobody wants to wait for
    config = CONFIG.replace("= 60000", "= 150").replace("stream_max_retries = 0", "stream_max_retries = 5")
    for answers, enough, causes in (
        ([SILENT, PROMPT], True, (None, "stream-idle")),
        ([SILENT, SILENT, PROMPT], True, ("stream-idle",)),
        ([SILENT, PROMPT], False, ("stream-idle",)),
    ):
        if not enough:
            monkeypatch.setattr(probe.Probe, "_time_of_a_try", lambda self, judged: HANG_S)
        with RawGateway(answers, unfinished=[SILENT]) as gateway:
            report = run(tmp_path, config.format(port=gateway.port).encode())
        assert (report.verdict.cause, *(one.cause for one in report.warnings if one.cause == "stream-idle")) == causes


ODD: tuple[object, ...] = (None, 1, "x", [None], {"a": 1}, 1e999)


def _places(value: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield at
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, (*at, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value[:2]):
            yield from _places(inner, (*at, number))


def test_a_report_that_was_edited_is_shown_or_refused(tmp_path: Path) -> None:
    """Every value of a report replaced by odd ones: the report, or a ValueError that says where, and never a traceback."""
    report = json.dumps(report_json(run(tmp_path, b"", send=False)))
    shown = refused = 0
    for place in list(_places(json.loads(report)))[1:]:
        for odd in ODD:
            changed = json.loads(report)
            holder = changed
            for step in place[:-1]:
                holder = holder[step]
            holder[place[-1]] = odd
            try:
                read = redacted(report_from_json(changed), ())
            except ValueError as error:
                assert str(place[0]) in str(error) or "schema version" in str(error)
                refused += 1
                continue
            assert render_text(read)
            shown += 1
    assert shown > 25
    assert refused > 250
