"""Keys, logs, usage, models and wallets over a real gateway, as scripts use them: shapes, exit codes, no secret anywhere."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from joytui.ledger.sqlite.engine import SqliteLedger
from tests.ledger.filling import add
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine, in_terminal
from tests.support.terminal import Terminal

LOG_FIELDS = [
    "id", "time", "key", "key_id", "model", "model_used", "provider", "tier", "endpoint", "status", "error_type",
    "error_message", "cause", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens",
    "cost_credits", "cost_source", "ttft_ms", "latency_ms", "stream", "request_id", "upstream_id", "thread_id",
    "client", "ip",
]  # fmt: skip
USAGE_NUMBERS = [
    "requests", "errors", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cost_credits"
]  # fmt: skip


def url_of(machine: Machine) -> str:
    return str(machine.ask("gateway", "status")["url"])


@pytest.fixture(scope="session")
def traffic(shared: Machine) -> dict[str, Any]:
    """A key that works and one that may not call what it is asked for: one request with each."""
    good = shared.ask("keys", "create", "dev-ada", "--owner", "ada", "--label", "codex", "--daily", "5")
    bad = shared.ask("keys", "create", "ci-fixed", "--tier", "economy", "--allow-ip", "203.0.113.0/24", "--no-logs")
    url = url_of(shared)
    answered = shared.send(url, good["key"], headers=[("X-Request-ID", "ticket-1")])
    refused = shared.send(url, bad["key"], headers=[("X-Request-ID", "ticket-2")])
    assert answered.status_code == 200, answered.text
    assert refused.status_code == 403, refused.text
    return {"good": good, "bad": bad, "url": url}


def test_create_gives_the_key_once(traffic: dict[str, Any], shared: Machine) -> None:
    good = traffic["good"]
    assert list(good) == ["id", "name", "key", "hint", "policy"]
    assert re.fullmatch(r"jt_local_[\w-]{43,}", good["key"])
    assert good["policy"]["daily_limit"] == "5"
    assert good["key"].endswith(good["hint"][-4:])
    listed = shared.call("keys", "list", "--json")
    assert good["key"] not in listed.out
    key = next(key for key in listed.json["keys"] if key["name"] == "dev-ada")
    assert (key["owner"], key["labels"], key["state"], key["requests"]) == ("ada", ["codex"], "active", 1)
    assert [budget["period"] for budget in key["budgets"]] == ["daily"]


def test_the_plain_key_alone_goes_to_stdout(shared: Machine) -> None:
    said = shared.run("keys", "create", "piped")
    assert re.fullmatch(r"jt_local_[\w-]+\n", said.out)
    assert "JOY_TOKEN_API_KEY" in said.err
    assert "codex exec -c model_provider=joytui" in said.err
    assert said.out.strip() not in said.err
    assert shared.call("keys", "revoke", "piped").out.endswith("is revoked\n")


def test_a_handout_has_all_that_the_keys_owner_needs(shared: Machine) -> None:
    said = shared.call("keys", "create", "for-bo", "--handout")
    key = re.search(r'export JOY_TOKEN_API_KEY="(jt_local_[\w-]+)"', said.out)
    assert said.code == 0
    assert key
    assert said.out.count(key[1]) == 1
    assert key[1] not in said.err
    assert f'base_url = "{url_of(shared)}/openai/v1"\n' in said.out
    assert "\n    joytui doctor\n" in said.out
    assert "works only on this machine" in said.err
    again = shared.ask("keys", "create", "for-cy", "--handout")
    assert list(again) == ["id", "name", "key", "hint", "policy", "handout"]
    assert f'="{again["key"]}"\n' in again["handout"]
    assert again["handout"].split("\n\n2.")[0] == said.out.split("\n\n2.")[0].replace("for-bo", "for-cy")


def test_logs_are_the_contract(traffic: dict[str, Any], shared: Machine) -> None:
    lines = shared.call("logs", "--json", "--filter", "id:ticket-*").json_lines
    assert [line["request_id"] for line in lines] == ["ticket-1", "ticket-2"]
    assert all(list(line)[: len(LOG_FIELDS)] == LOG_FIELDS for line in lines)
    answered, refused = lines
    assert (answered["status"], answered["key"], answered["key_id"]) == (200, "dev-ada", traffic["good"]["id"])
    assert answered["output_tokens"] > 0
    assert (refused["status"], refused["error_type"]) == (403, "policy_rejected")
    assert refused["cause"]


def test_logs_as_csv_have_the_same_fields(traffic: dict[str, Any], shared: Machine) -> None:
    table = shared.call("logs", "--csv", "--filter", "id:ticket-*").out
    lines = shared.call("logs", "--json", "--filter", "id:ticket-*").json_lines
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["id"] for row in rows] == [line["id"] for line in lines]
    assert [{name: row[name] for name in line} for row, line in zip(rows, lines, strict=True)] == [
        {
            name: "" if value is None else ",".join(value) if isinstance(value, list) else str(value)
            for name, value in line.items()
        }
        for line in lines
    ]


def test_one_request_is_explained(traffic: dict[str, Any], shared: Machine) -> None:
    said = shared.run("logs", "--request", "ticket-2")
    assert said.code == 0
    for part in ("403", "policy_rejected", "ci-fixed", "fix:", "key policy allows the current IP"):
        assert part in said.out
    assert shared.call("logs", "--request", "ticket-2", "--json").json["request_id"] == "ticket-2"
    missing = shared.call("logs", "--request", "no-such")
    assert (missing.code, missing.out) == (1, "")
    assert "X-Request-ID" in missing.err


def test_limit_takes_the_newest(traffic: dict[str, Any], shared: Machine) -> None:
    lines = shared.call("logs", "--json", "--filter", "id:ticket-*", "--limit", "1").json_lines
    assert [line["request_id"] for line in lines] == ["ticket-2"]
    table = shared.call("logs", "--filter", "id:ticket-*").out
    assert table.splitlines()[0].split()[:3] == ["time", "status", "key"]
    assert "auto" in table


def test_filters_of_the_server_and_of_the_client_agree(traffic: dict[str, Any], shared: Machine) -> None:
    from joytui.client.stream import record_of
    from joytui.core.filter_meaning import predicate
    from joytui.core.filters import parse

    everything = [record_of(row) for row in shared.call("logs", "--json", "--limit", "0").json_lines]
    assert everything
    for text in (
        "status:4xx",
        "-status:4xx",
        "key:dev-*",
        "cost>0",
        "-key:dev-ada",
        "is:refused",
        "latency>0",
        "ticket",
    ):
        found = [row["id"] for row in shared.call("logs", "--json", "--limit", "0", "--filter", text).json_lines]
        assert found == [record.id for record in everything if predicate(parse(text))(record)], text
        assert found or text == "ticket", text


def test_usage_is_the_contract(traffic: dict[str, Any], shared: Machine) -> None:
    usage = shared.ask("usage", "--by", "key", "--by", "model")
    row = next(row for row in usage["rows"] if row["key"] == "dev-ada")
    assert list(row) == ["key", "model", "source", *USAGE_NUMBERS]
    assert (row["source"], row["requests"], row["errors"]) == ("gateway", 1, 0)
    assert list(usage["totals"]) == USAGE_NUMBERS
    assert usage["totals"]["requests"] == sum(row["requests"] for row in usage["rows"])
    line = shared.call("logs", "--json", "--filter", "id:ticket-1").json_lines[0]
    assert row["input_tokens"] == line["input_tokens"]
    assert row["cost_credits"] == line["cost_credits"]
    assert shared.ask("usage")["totals"] == usage["totals"]


def test_usage_as_table_and_csv(traffic: dict[str, Any], shared: Machine) -> None:
    table = shared.call("usage", "--by", "owner").out.splitlines()
    assert table[0].split()[:2] == ["owner", "requests"]
    assert table[-1].startswith("total")
    rows = list(csv.DictReader(io.StringIO(shared.call("usage", "--by", "owner,day", "--csv").out)))
    assert list(rows[0]) == ["owner", "day", "source", *USAGE_NUMBERS]
    assert {"ada"} <= {row["owner"] for row in rows}


def test_a_budget_for_scripts(traffic: dict[str, Any], shared: Machine) -> None:
    assert shared.call("usage", "--budget", "1000", "--fail-over").code == 0
    over = shared.call("usage", "--budget", "0", "--fail-over")
    assert (over.code, "OVER BUDGET" in over.err) == (1, True)
    assert shared.call("usage", "--fail-over").code == 2


def test_usage_of_codex_needs_no_gateway(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    nothing = dict.fromkeys(USAGE_NUMBERS[:-1], 0) | {"cost_credits": "0"}
    assert machine.ask("usage", "--source", "codex", "--by", "project") == {
        "rows": [],
        "totals": nothing,
        "totals_by_source": {"codex": nothing},
    }
    assert not (machine.data / "gateway.json").exists()


def test_check_says_why_not(traffic: dict[str, Any], shared: Machine) -> None:
    allowed = shared.call("keys", "check", "dev-ada", "--model", "auto", "--json")
    assert (allowed.code, allowed.json["allowed"]) == (0, True)
    small = shared.call("keys", "check", "dev-ada", "--like", "small")
    assert "a small request holds" in small.out
    assert "a first turn of Codex holds" in shared.call("keys", "check", "dev-ada").out
    refused = shared.call("keys", "check", "ci-fixed", "--model", "auto", "--ip", "198.51.100.1")
    assert refused.code == 1
    assert refused.out.startswith("no: 403 policy_rejected")
    by_key = shared.call("keys", "check", "-", "--json", stdin=traffic["good"]["key"] + "\n")
    assert by_key.json["key_id"] == traffic["good"]["id"]


def test_disable_enable_edit_rotate(shared: Machine) -> None:
    created = shared.ask("keys", "create", "rolling", "--total", "1.5")
    url = url_of(shared)
    assert shared.ask("keys", "disable", "rolling")["state"] == "disabled"
    assert shared.send(url, created["key"]).status_code == 403
    assert shared.ask("keys", "enable", created["id"])["state"] == "active"
    edited = shared.ask("keys", "edit", "rolling", "--weekly", "7", "--owner", "bo")
    assert (edited["policy"]["total_limit"], edited["policy"]["weekly_limit"], edited["owner"]) == ("1.5", "7", "bo")
    rotated = shared.ask("keys", "rotate", "rolling", "--overlap", "2h")
    assert rotated["key"] != created["key"]
    assert shared.send(url, created["key"]).status_code == 200
    assert shared.send(url, rotated["key"]).status_code == 200
    assert shared.ask("keys", "revoke", created["id"])["state"] == "revoked"
    assert shared.send(url, created["key"]).status_code == 403


def test_models_and_wallets(traffic: dict[str, Any], shared: Machine) -> None:
    models = shared.ask("models")["models"]
    assert {"model_key", "tier", "input_price", "output_price"} <= set(models[0])
    mine = shared.ask("models", "--key", "ci-fixed")["models"]
    assert {model["callable"] for model in mine} <= {True, False}
    assert shared.call("models").out.startswith("model")
    assert [wallet["tier"] for wallet in shared.ask("wallet", "show")["wallets"]] == ["economy", "standard", "premium"]


def test_a_tier_without_models_names_those_that_have_some(shared: Machine) -> None:
    said = shared.call("models", "--tier", "standrad")
    assert (said.code, said.out) == (0, "")
    assert "no models of tier 'standrad'; tiers here: economy, premium, standard" in said.err


def test_a_limit_is_taken_away_by_off(shared: Machine) -> None:
    shared.ask("keys", "create", "limited", "--daily", "3", "--weekly", "9")
    edited = shared.ask("keys", "edit", "limited", "--daily", "off")
    assert (edited["policy"]["daily_limit"], edited["policy"]["weekly_limit"]) == (None, "9")


def test_a_wallet_is_not_called_off_while_another_makes_it_count_as_empty(machine: Machine) -> None:
    assert "refused while another tier has one" in machine.call("wallet", "set", "premium", "25").err
    one_left = machine.call("wallet", "set", "standard", "off")
    assert "limit nothing" not in one_left.err
    assert [line.split()[:2] for line in one_left.out.splitlines()[1:]] == [
        ["economy", "0"],
        ["standard", "0"],
        ["premium", "25.00"],
    ]
    assert "limit nothing" in machine.call("wallet", "set", "premium", "off").err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["keys", "create", "x", "--daily", "much"], "--daily"),
        (["keys", "create", "x", "--daily", "-1"], "--daily"),
        (["keys", "create", "x", "--expires", "yesterday"], "--expires"),
        (["keys", "create", "x", "--allow-ip", "300.1.1.1"], "--allow-ip"),
        (["keys", "create", ""], "name"),
        (["keys", "create", "x" * 100], "1 to 80 characters"),
        (["keys", "create", "x", "--daily", "off"], "--daily"),
        (["keys", "edit", "dev-ada"], "nothing to change"),
        (["keys", "frobnicate"], "must be one of create, list"),
        (["logs", "--filter", "colour:red"], "column 1"),
        (["logs", "--since", "whenever"], "--since"),
        (["logs", "--limit", "-3"], "--limit"),
        (["logs", "--follow", "--until", "1h"], "--until"),
        (["logs", "--since", "1h", "--until", "2h"], "it must be later than --since"),
        (["usage", "--by", "colour"], "--by"),
        (["keys", "create", "a/b"], "no slash"),
        (["keys", "revoke", "\udcff"], "must be UTF-8"),
        (["keys", "check", "\udcff"], "must be UTF-8"),
        (["logs", "--filter", "\udcff"], "must be UTF-8"),
        (["wallet", "credit", "standard", "1", "--note", "\udcff"], "must be UTF-8"),
        (["keys", "create", "a\nb"], "printable"),
        (["keys", "create", "a", "--label", "l" * 81], "at most 80"),
        (["keys", "create", "a", "--policy", "p", "--daily", "3"], "--policy uses a named policy unchanged"),
        (["keys", "revoke", ".."], "KEY: no key has this name"),
        (["keys", "revoke", ""], "KEY: no key has this name"),
        (["keys", "check", "dev-ada", "--ip", "nonsense"], "--ip: not an address"),
        (["wallet", "credit", "standard", "1e-12"], "nothing to add"),
        (["wallet", "show", "--entries", "9999999"], "--entries: the newest 5000 at most"),
        (["logs", "--limit", "9" * 5000], "--limit"),
        (["logs", "--since", ""], "--since: no time"),
        (["logs", "--request", ""], "--request: no id"),
        (["keys", "create", "x", "--expires", "9" * 5000], "--expires: not a time"),
        (["usage", "--budget", "x"], "--budget"),
        (["usage", "--by", "thread", "--top", "99999"], "--top: from 1 to 1000"),
        (["usage", "--since", "0001-01-01T00:00:00+05:00"], "beyond the calendar: '0001-01-01T00:00:00+05:00'"),
        (["logs", "--until", "9999-12-31T23:59:59-05:00"], "beyond the calendar"),
        (["keys", "create", "x", "--expires", "9999-12-31T23:59:59-05:00"], "beyond the calendar"),
        (["wallet", "credit", "standard", "lots"], "amount of credits"),
        (["wallet", "show", "--entries", "-1"], "--entries"),
        (["logs", "--gateway", "nowhere:99999"], "address"),
        (["try", "--timeout", "0"], "--timeout"),
    ],
)
def test_wrong_words(shared: Machine, traffic: dict[str, Any], words: list[str], part: str) -> None:
    said = shared.call(*words)
    assert (said.code, said.out) == (2, ""), said.err
    assert part in said.err
    assert "Traceback" not in said.err


def test_unknown_keys_are_bad_news(shared: Machine) -> None:
    for words in (["revoke", "nobody"], ["rotate", "nobody"], ["edit", "nobody", "--owner", "x"]):
        said = shared.call("keys", *words)
        assert (said.code, said.out) == (1, ""), said.err
        assert "nobody" in said.err or "no key" in said.err


def test_follow_prints_each_request_once_and_ends_with_130(traffic: dict[str, Any], shared: Machine) -> None:
    """It begins with the newest, goes on with what comes, and Ctrl-C ends it without a word."""
    process = shared.start("logs", "--follow", "--json", "--filter", "key:dev-ada", "--limit", "1")
    assert process.stdout
    first = json.loads(process.stdout.readline())
    assert first["key"] == "dev-ada"
    for number in range(3):
        shared.send(traffic["url"], traffic["good"]["key"], headers=[("X-Request-ID", f"live-{number}")])
    live = [json.loads(process.stdout.readline()) for _ in range(3)]
    assert [line["request_id"] for line in live] == ["live-0", "live-1", "live-2"]
    assert {line["status"] for line in live} == {200}
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HANG_S)
    assert (process.returncode, out, err) == (130, "", "")


def test_a_closed_pipe_is_silent(traffic: dict[str, Any], shared: Machine) -> None:
    process = shared.start("logs", "--follow", "--json", "--limit", "1")
    assert process.stdout
    assert process.stderr
    process.stdout.readline()
    process.stdout.close()
    shared.send(traffic["url"], traffic["good"]["key"])
    assert process.stderr.read() == ""
    assert process.wait(timeout=HANG_S) == 0


def test_no_secret_in_the_store_or_the_logs(traffic: dict[str, Any], shared: Machine) -> None:
    secrets = [traffic[name]["key"].encode() for name in ("good", "bad")]
    secrets += [(shared.data / "admin-token").read_bytes().strip()]
    files = [path for path in shared.data.rglob("*") if path.is_file() and path.name != "admin-token"]
    assert any(path.suffix == ".sqlite3" for path in files), files
    for path in files:
        data = path.read_bytes()
        assert not any(secret in data for secret in secrets), path


def test_help_of_every_command(shared: Machine) -> None:
    for words in (
        ["logs"],
        ["keys"],
        ["keys", "create"],
        ["usage"],
        ["wallet"],
        ["models"],
        ["try"],
        ["gateway", "run"],
    ):
        said = shared.call(*words, "--help")
        assert (said.code, said.err) == (0, ""), words
    assert "status:4xx" in shared.call("logs", "--help-filter").out


@pytest.mark.slow
def test_tables_fit_a_narrow_terminal(traffic: dict[str, Any], shared: Machine) -> None:
    for words in (["logs"], ["keys", "list"], ["usage", "--by", "key"], ["models"]):
        text = in_terminal(shared, words, columns=80)
        assert all(len(line) <= 80 for line in text), text
        assert any("total" in line or "key" in line or "model" in line for line in text)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 80])
def test_rows_of_other_days_on_a_terminal(machine: Machine, columns: int) -> None:
    """What was sent last week and last year, and what comes while it follows: each has its time, under its day."""
    now = datetime.now(UTC)
    old = [now - timedelta(days=400), now - timedelta(days=7)]
    ledger = SqliteLedger.open_store(machine.data / "ledger.sqlite3")
    for moment in old:
        add(ledger, int(moment.timestamp() * 1000))
    ledger.write_now(lambda batch: None)
    ledger.close()
    machine.env["JOYTUI_GATEWAY_RETENTION_DAYS"] = "0"
    key = machine.ask("keys", "create", "dev")["key"]
    expected = [[day, moment] for day, moment in map(day_and_time, old)]

    listed = in_terminal(machine, ["logs"], columns=columns)
    assert all(len(line) <= columns for line in listed), listed
    assert [[listed[place], listed[place + 1].split()[0]] for place in (1, 3)] == expected

    follow = [sys.executable, "-m", "joytui", "logs", "--follow"]
    with Terminal(follow, columns=columns, lines=12, env=machine.terminal_env) as terminal:
        terminal.wait_for(*(text for pair in expected for text in pair))
        assert machine.send(url_of(machine), key).status_code == 200
        sent = datetime.fromisoformat(machine.call("logs", "--json", "--limit", "1").json_lines[0]["time"])
        terminal.wait_for(*day_and_time(sent))
        assert [row.split()[0] for row in terminal.rows[:7]] == [
            "time", "──", expected[0][1], "──", expected[1][1], "──", day_and_time(sent)[1]
        ]  # fmt: skip
        terminal.interrupt()
        assert terminal.wait_exit() == 130


def day_and_time(moment: datetime) -> tuple[str, str]:
    local = moment.astimezone()
    return f"── {local:%a %Y-%m-%d} ──", f"{local:%H:%M:%S}"


def test_remote_by_url_and_token(traffic: dict[str, Any], shared: Machine, tmp_path: Path) -> None:
    """Another machine's console: no state file of its own, only the address and the token."""
    other = Machine(tmp_path)
    token = (shared.data / "admin-token").read_text().strip()
    there = ["--gateway", traffic["url"]]
    named = other.call("logs", "--json", "--limit", "1", *there, env={"JOYTUI_ADMIN_TOKEN": token})
    assert (named.code, len(named.json_lines)) == (0, 1)
    wrong = other.call("logs", *there, env={"JOYTUI_ADMIN_TOKEN": "wrong-token"})
    assert (wrong.code, wrong.out) == (1, "")
    assert "JOYTUI_ADMIN_TOKEN" in wrong.err
    assert other.call("logs", *there).code == 2
    assert not (other.data / "gateway.json").exists()


def test_same_process_group_is_untouched(shared: Machine) -> None:
    """The gateway lives in its own session: Ctrl-C in the shell that started it does not reach it."""
    status = shared.ask("gateway", "status")
    fields = Path(f"/proc/{status['pid']}/stat").read_text().rsplit(")", 1)[1].split()
    assert int(fields[3]) == status["pid"], "it should lead its own session"
    assert subprocess.run(["kill", "-0", str(status["pid"])], check=False).returncode == 0


def test_the_doctor_s_tests_are_left_out_unless_asked_for(traffic: dict[str, Any], shared: Machine) -> None:
    shared.send(traffic["url"], traffic["good"]["key"], headers=[("X-Joytui-Doctor", "1"), ("X-Request-ID", "a-test")])
    listed = shared.call("logs")
    assert "a-test" not in shared.call("logs", "--json").out
    assert "1 test request of joytui doctor left out; --include-doctor shows them" in listed.err
    for words in (("--include-doctor",), ("--filter", "is:doctor"), ("--filter", "id:a-test"), ("--request", "a-test")):
        assert "a-test" in shared.call("logs", *words, "--json").out, words
    without, whole = (shared.call("usage", "--json", *words).json for words in ((), ("--include-doctor",)))
    assert whole["totals"]["requests"] - without["totals"]["requests"] == without["left_out"]["requests"] == 1
    assert "left_out" not in whole
    spent = Decimal(whole["totals"]["cost_credits"])
    assert spent > Decimal(without["totals"]["cost_credits"])
    assert "1 test request of joytui doctor left out" in shared.call("usage").err
    said = shared.call("usage", "--budget", str(spent - Decimal("0.000000001")), "--fail-over")
    assert said.code == 1, "what costs money stays in the money"
