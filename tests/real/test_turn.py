"""A real turn of the real Codex through the embedded gateway, found everywhere; and the same with the key revoked."""

from __future__ import annotations

import json
import sqlite3

import pytest

from joytui.core.places import places
from tests.support.real_codex import CURRENT, NEWEST, OLDER
from tests.support.real_setup import Setup

pytestmark = pytest.mark.codex
COUNTS = ("input_tokens", "cached_input_tokens", "output_tokens")


def test_a_turn_is_in_the_ledger_in_logs_and_in_usage_with_codexs_own_counts(setup: Setup) -> None:
    setup.start_gateway()
    setup.configure()
    setup.create_key("codex-laptop")
    done = setup.codex("say hi")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip()

    (noted,) = setup.noted_usage()
    counts = {name: noted["usage"][name] for name in COUNTS}
    counts["reasoning_tokens"] = noted["usage"]["reasoning_output_tokens"]
    assert counts["input_tokens"] > 1000
    assert counts["output_tokens"] > 0

    (line,) = setup.json_lines("logs")
    assert {name: line[name] for name in counts} == counts
    assert line["status"] == 200
    assert (line["key"], line["model"], line["stream"]) == ("codex-laptop", "auto", True)
    assert line["thread_id"] == noted["thread_id"]
    assert "codex_exec/0.169.0" in line["client"]
    assert line["endpoint"].endswith("/responses")

    for source in ("gateway", "codex"):
        usage = json.loads(setup.joytui("usage", "--source", source, "--by", "model", "--json").stdout)
        (row,) = usage["rows"]
        assert {name: row[name] for name in counts} == counts, source
        assert (
            (row["model"], row["requests"], row["errors"]) == ("auto", 1, 0)
            if source == "codex"
            else row["requests"] == 1
        )

    over = setup.joytui("usage", "--since", "today", "--budget", "0.0001", "--fail-over", ok=(1,))
    assert "OVER BUDGET" in over.stderr
    assert "nothing is left" in over.stderr

    with sqlite3.connect(f"file:{places(setup.env).store}?mode=ro", uri=True) as ledger:
        stored = ledger.execute(
            "SELECT input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, status FROM request"
        ).fetchall()
    ledger.close()
    assert stored == [(*counts.values(), 200)]


@pytest.mark.parametrize("version", OLDER)
def test_older_versions_are_counted_alike_by_both_sides(setup: Setup, version: str) -> None:
    """Over Responses: over Chat Completions, the default of 0.94.0, Codex notes no tokens at all."""
    setup.start_gateway()
    setup.configure(extra='wire_api = "responses"\n')
    setup.create_key("codex-old")
    done = setup.codex("say hi", version=version)
    assert done.exit_code == 0, done.stderr
    both = json.loads(setup.joytui("usage", "--source", "both", "--json").stdout)["totals_by_source"]
    wanted = ("requests", "errors", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
    assert {name: both["gateway"][name] for name in wanted} == {name: both["codex"][name] for name in wanted}
    assert both["codex"]["input_tokens"] > 1000


def test_the_key_revoked_fails_the_same_run_and_all_say_why(setup: Setup) -> None:
    setup.start_gateway()
    setup.configure()
    key = setup.create_key("codex-laptop")
    assert setup.codex("say hi").exit_code == 0
    setup.console("POST", f"/keys/{key['id']}/revoke")

    done = setup.codex("say hi", "-c", "model_providers.joytoken.stream_max_retries=1")
    assert done.exit_code == 1
    assert "this key is revoked" in done.stderr

    refused = [line for line in setup.json_lines("logs") if line["status"] != 200]
    assert [line["attempts"] for line in refused] == [2]  # Codex repeats a refused request as often as it is told to
    for line in refused:
        assert line["error_type"] == "invalid_api_key"
        assert line["cause"] == "key-rejected"
        assert "revoked" in line["error_message"]
        assert line["key"] == "codex-laptop"

    report = json.loads(setup.joytui("doctor", "--json", ok=(1,)).stdout)
    assert report["verdict"]["works"] is False
    assert (report["verdict"]["cause"], report["verdict"]["row"]) == ("key-rejected", "401")
    row = next(row for row in report["table"] if row["row"] == "401")
    assert row["status"] == "fail"


def test_the_doctor_finds_nothing_where_codex_works(setup: Setup) -> None:
    setup.start_gateway()
    setup.configure()
    setup.create_key("codex-laptop")
    setup.with_codex()
    report = json.loads(setup.joytui("doctor", "--json").stdout)
    assert report["codex"]["version"] == CURRENT
    assert report["verdict"]["cause"] is None
    assert report["verdict"]["works"] is True
    assert [row["row"] for row in report["table"]] == ["401", "403", "402", "model-not-found", "no-logs", "other"]
    assert setup.codex("say hi").exit_code == 0


def test_a_budget_that_a_small_request_fits_into_and_a_turn_does_not(setup: Setup) -> None:
    """The doctor's green is a turn's green: Codex's own first turn is refused where the doctor says so, and only there."""
    setup.start_gateway()
    setup.configure(extra="stream_max_retries = 0\n")
    setup.with_codex()
    for daily, works in (("2", False), ("50", True)):
        setup.create_key(f"daily-{daily}", "--daily", daily, "--fixed-model", "joytui-offline")
        report = json.loads(setup.joytui("doctor", "--json", ok=(0, 1)).stdout)
        cause = None if works else "insufficient-quota"
        assert (report["verdict"]["works"], report["verdict"]["cause"]) == (works, cause)
        done = setup.codex("say hi")
        assert done.exit_code == (0 if works else 1)
        assert ("402 Payment Required: daily limit of 2 credits" in done.stderr) is not works
    told = [line["client"].startswith("joytui doctor, ") for line in setup.json_lines("logs", "--include-doctor")]
    assert told == [True, False, True, False]


def test_the_doctor_runs_codex_itself_and_both_agree(setup: Setup) -> None:
    setup.start_gateway()
    setup.configure()
    key = setup.create_key("codex-laptop")
    setup.with_codex()
    verdict = json.loads(setup.joytui("doctor", "--json", "--with-codex").stdout)["verdict"]
    done = verdict["details"]["with_codex"]
    assert (done["ran"], done["works"], done["exit_code"], done["agrees"], done["says"]) == (True, True, 0, True, None)

    setup.joytui("keys", "revoke", key["id"])
    verdict = json.loads(setup.joytui("doctor", "--json", "--with-codex", ok=(1,)).stdout)["verdict"]
    done = verdict["details"]["with_codex"]
    assert (done["ran"], done["works"], done["exit_code"], done["agrees"]) == (True, False, 1, True)
    assert "this key is revoked" in done["says"]


def test_try_is_one_turn_with_config_toml_untouched(setup: Setup) -> None:
    setup.start_gateway()
    path = setup.configure()
    before = path.read_bytes()
    setup.with_codex()
    done = setup.joytui("try")
    assert done.stdout.strip()
    assert path.read_bytes() == before
    assert any(line["status"] == 200 for line in setup.json_lines("logs"))


def test_the_attempts_at_one_refusal_are_one_row(setup: Setup) -> None:
    """Codex 0.171.0 tries a 402 six times before it says why; usage counts each."""
    setup.start_gateway()
    setup.configure()
    setup.create_key("codex-laptop", "--daily", "0.001")
    done = setup.codex("say hi", version=NEWEST)
    assert done.exit_code == 1
    assert "402 Payment Required" in done.stderr
    (line,) = setup.json_lines("logs")
    assert (line["status"], line["attempts"]) == (402, 6)
    assert line["id"] in done.stderr
    assert json.loads(setup.joytui("usage", "--json").stdout)["totals"]["errors"] == 6
