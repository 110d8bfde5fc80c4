"""What the commands are asked for their contract: each with its JSON, and with the exit codes that scripts go by."""

from __future__ import annotations

import json
import random
import signal
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from joytui.core.joytoken import config_block
from joytui.core.token_counts import USAGE_GROUPS
from tests.contract.product import Running, Shell, next_line
from tests.contract.shapes import Reading
from tests.contract.traffic import THREAD, TICKET
from tests.support.hang import HANG_S
from tests.support.rollout_corpus import Thread, Truth

DOCTOR = Reading(
    literal=(
        "table[].row",
        "table[].symptom",
        "table[].status",
        "table[].steps[]",
        "steps[].id",
        "steps[].row",
        "steps[].status",
        "verdict.row",
        "verdict.cause",
        "warnings[].row",
    ),
)
REQUEST = Reading(literal=("cost_source", "request.cost_source", "row"))
"""A request's texts come from outside; these are ours."""
TICKET_FILE = Reading(literal=("kind", "sure", "row", "candidates[].row"), open=("details",))
TERMINAL = """\
OpenAI Codex v0.169.0
--------
workdir: /home/ada/app
model: auto
provider: joytoken
--------
ERROR: unexpected status 401 Unauthorized: missing api key, url: https://api-dev.joytokens.ai/openai/v1/responses, \
request id: req-344115e8ee600000
"""
LEAKY = "OPENAI_API_KEY=sk-proj-" + "a1B2" * 12


def of_everything(shell: Running) -> None:
    """On a machine whose gateway is in use."""
    write_rollouts(shell)
    of_keys(shell)
    of_logs(shell)
    of_usage(shell)
    of_money(shell)
    of_the_doctor(shell)
    of_tickets(shell)
    of_the_gateway(shell)


A_KEY = "keys edit|revoke|disable|enable"


def of_keys(shell: Running) -> None:
    shell.ask("keys check", "ada --model gpt-5.5")
    shell.ask("keys check", "quiet --like small")
    shell.ask("keys check", "- --ip 127.0.0.1", stdin=shell.keys["fixed"], shown="keys check - --json < KEY")
    for refused in ("abroad", "poor", "cheap --tier premium", "ended"):
        shell.ask("keys check", refused)
    shell.ask("keys edit", "ada --daily 700 --owner Ada", of=A_KEY)
    shell.ask("keys rotate", "cheap --overlap 2h", of="keys create|rotate")
    shell.ask("keys list", reading=Reading(literal=("keys[].state", "keys[].budgets[].period")))
    shell.ask("keys enable", "asleep", of=A_KEY)
    for line in (
        "keys create ada",
        "keys create a/b",
        "keys create b --daily much",
        "keys edit ada",
        "keys revoke nobody",
        "keys check ada --ip nonsense",
        "keys check nobody",
        "keys frobnicate",
        "keys",
        "keys list",
    ):
        shell.run(line)


def of_logs(shell: Running) -> None:
    for one in shell.machine.call("logs", "--json", "--limit", "0", "--source", "gateway").json_lines:
        shell.see("logs --json", one, REQUEST)
    for one in shell.machine.call("logs", "--json", "--source", "codex").json_lines:
        shell.see("logs --source codex --json", one, REQUEST)
    shell.ask("logs", f"--request {TICKET}", reading=REQUEST)
    for line in (
        "logs",
        "logs --limit 1 --since 1h",
        "logs --filter -is:error",
        "logs --filter colour:red",
        "logs --request nothing",
        "logs --since whenever",
        "logs --limit -1",
        "logs --help-filter",
        "logs --follow --until 1h",
    ):
        shell.run(line)
    _follow(shell)


def _follow(shell: Running) -> None:
    """The tail in its own process, until Ctrl-C."""
    process = shell.machine.start(
        *("logs", "--follow", "--json", "--filter", "status:200", "--limit", "1", "--include-doctor"),
        *("--source", "gateway"),
        **CAN_BE_INTERRUPTED,
    )
    for _ in range(2):
        shell.see("logs --follow --json", json.loads(next_line(process)), REQUEST)
        body = {"model": "auto", "input": "say hi", "stream": True}
        bearer = {"authorization": f"Bearer {shell.keys['ada']}"}
        shell.http.post("/openai/v1/responses", json=body, headers=bearer).raise_for_status()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=HANG_S)
    shell.note("logs --follow --json, then Ctrl-C", process.returncode)


def of_usage(shell: Running) -> None:
    for by in USAGE_GROUPS:
        shell.ask("usage", f"--by {by}")
    shell.ask("usage", "--by thread --by day --top 2 --since 2d")
    shell.ask("usage", "--insight --budget 100")
    shell.ask("usage", "--budget 90000")
    shell.ask("usage", "--source codex --by project --by model --insight")
    shell.ask("usage", "--source both --by thread")
    for line in (
        "usage",
        "usage --by key,model --csv",
        "usage --budget 1 --fail-over",
        "usage --budget 90000 --fail-over",
        "usage --fail-over",
        "usage --by colour",
        "usage --source codex --budget 1",
        "usage --since 1h --until 2h",
        "usage --focus -",
        "usage --focus - --usd-per-credit 0.02 --since 2d",
        "usage --focus - --usd-per-credit much",
        "usage --focus - --by key",
        "usage --focus missing/spend.csv",
        "usage --usd-per-credit 1",
    ):
        shell.run(line)
    shell.ask("tasks")
    for line in ("tasks", "tasks nothing", "tasks --running", "tasks --since whenever", "tasks --limit 0"):
        shell.run(line)
    found = shell.ask("usage --reconcile", "--since 3d")
    assert {bool(one["codex"]) for one in found["differences"]} == {True, False}, "nothing to compare"
    header = shell.machine.call("usage", "--by", "key,day", "--csv").out.splitlines()[0]
    shell.see("usage --by key,day --csv", dict.fromkeys(header.split(","), ""))


def of_money(shell: Running) -> None:
    shell.ask("models", "--key cheap")
    shell.ask("models")
    shell.ask("wallet show")
    shell.ask("wallet set", "standard 1000 --note November")
    shell.ask("wallet credit", "standard 0.5")
    shell.ask("wallet show", "--entries 5")
    shell.ask("wallet set", "standard off")
    for line in (
        "wallet show",
        "models --tier premium",
        "wallet set standard lots",
        "wallet credit standard 0",
        "wallet set gold 1",
    ):
        shell.run(line)


def of_the_doctor(shell: Running) -> None:
    """A Codex that works through this gateway, and the same one with something wrong each."""
    config = shell.machine.folder / "home" / ".codex" / "config.toml"
    good = config_block(f"{shell.url}/openai/v1")
    key, poor = ({"JOY_TOKEN_API_KEY": shell.keys[name]} for name in ("quiet", "poor"))

    def doctor(how: str, words: str = "", env: Mapping[str, str] = key, config_says: str = good) -> Any:
        config.write_text(config_says)
        return shell.ask("doctor", words, env=env, reading=DOCTOR, shown=f"doctor --json, {how}")

    assert doctor("all good")["verdict"]["works"] is True
    doctor("no key", env={})
    doctor("no money", env=poor)
    doctor("a word too many", "--codex-version 0.171.0 -- -p work", config_says=good.replace("\n\n", "\nmodle = 1\n\n"))
    wrong = good.replace('model_provider = "joytoken"', 'model_provider = "joytokn"')
    (shell.machine.folder / "report.json").write_text(json.dumps(doctor("a misspelt provider", config_says=wrong)))
    shell.ask("doctor --report", "report.json", of="doctor", reading=DOCTOR)
    shell.run("doctor --fix", env=key)
    shell.ask("doctor --fix --yes", of="doctor", reading=DOCTOR, env=key)
    shell.run("doctor --undo")
    assert config.read_text() == wrong
    shell.ask("codex config", "-- -m gpt-5.5 -c model_reasoning_effort=low", env=key, reading=_CODEX)
    config.unlink()
    shell.ask("codex config", reading=_CODEX)
    shell.run("setup --local --yes")
    shell.run("setup --local --yes", env=key, shown="setup --local --yes, with a key that works")
    shell.run("setup --remove")
    assert not config.exists()
    config.write_text(wrong)
    shell.run("doctor --fix --yes", env=key)


_CODEX = Reading(open=("effective", "values"))


def of_tickets(shell: Running) -> None:
    logs = shell.machine.call("logs", "--json", "--limit", "0", "--source", "gateway").json_lines
    for status in (200, 402, 500):
        one = next(one for one in logs if one["status"] == status)
        line = f"--request {one['id']}"
        shell.ask("triage --request", one["id"], reading=REQUEST, shown=f"triage --request, of status {status}")
        shell.ask("logs", line, reading=REQUEST, shown=f"logs --request ID --json, of status {status}")
    shell.run("triage --request nothing")
    shell.run("triage FILE --request ticket-2")
    shell.ask("report --preview", reading=Reading(open=("entries[].removed",)))
    shell.run("report -o bundle.zip")
    shell.ask("triage", "bundle.zip", reading=TICKET_FILE)
    shell.ask("report --check", "bundle.zip")


def of_the_gateway(shell: Running) -> None:
    store = shell.ask("gateway status")["store"]
    assert store == str(shell.machine.data / "ledger.sqlite3"), "as --store takes it"
    shell.ask("gateway start")
    shell.ask("gateway start", "--port 1")
    shell.run("gateway run")
    other = f"--gateway {shell.url}"
    named = "gateway status --gateway URL"
    shell.run(f"gateway status {other}", shown=named, env={"JOYTUI_ADMIN_TOKEN": shell.admin})
    shell.run(f"gateway status {other}", shown=f"{named}, wrong token", env={"JOYTUI_ADMIN_TOKEN": "no"})


def write_rollouts(shell: Running) -> None:
    """Codex's files: a turn through this gateway, and turns elsewhere in each of the hours before."""
    home = shell.machine.folder / "home" / ".codex"
    rng, truth = random.Random(7), Truth()
    ticket = next(one for one in shell.machine.call("logs", "--json", "--limit", "0").json_lines if one["thread_id"])
    now = datetime.now(UTC)  # the clock of the gateway, which is its own process
    before = now - timedelta(hours=30)
    for provider, response in (("joytoken", ticket["upstream_id"]), ("openai", None)):
        thread = Thread(rng, truth, before, version="0.169.0", provider=provider)
        thread.id = THREAD if response else thread.id
        for hour in range(30):
            thread.moment = before + timedelta(hours=hour)
            thread.begin_turn()
            thread.answer((100, 40, 20, 10))
            thread.end_turn()
        thread.moment = now
        thread.begin_turn()
        thread.answer((120, 100, 9, 3) if response else (90_000, 1, 20, 10), response=response)
        thread.end_turn()
        thread.write(home)


# --- where no gateway is needed, or none can be reached


def alone(shell: Shell) -> None:
    """On a machine that has nothing yet, and where no gateway may be started."""
    folder = shell.machine.folder
    (folder / "ticket.txt").write_text(TERMINAL)
    (folder / "words.txt").write_text("since monday nothing works any more, it says waiting for network\n")
    (folder / "good.txt").write_text("thank you, it works again\n")
    (folder / "leaky.txt").write_text(LEAKY)
    for line in (
        "--help",
        "--version",
        "frobnicate",
        "--frobnicate",
        "doctor --frobnicate",
        "doctor --explain list",
        "doctor --explain nothing",
        "doctor --says ''",
        "doctor --report missing.json",
        "doctor --codex-version x",
        "doctor --timeout 0",
        "doctor --undo",
        "doctor --fix nothing --yes",
        "triage missing.txt",
        "report --check missing.zip",
        "setup",
        "setup --print --direct",
        "setup --direct --local",
        "setup --remove",
        "try --no-start",
        "try --timeout 0",
        "serve --limit 0",
        "codex",
        "gateway",
        "gateway upstream-key where",
        "gateway upstream-key set upstream",
        "logs --no-start",
        "usage --no-start",
        "usage --source codex",
        "keys list --no-start",
        "models --no-start",
        "wallet show --no-start",
        "triage --request x --no-start",
        "logs --gateway http://127.0.0.1:9",
        "logs --gateway nowhere:99999",
        "gateway status",
    ):
        shell.run(line)
    shell.run(
        "gateway status --gateway http://127.0.0.1:9",
        env={"JOYTUI_ADMIN_TOKEN": "x"},
        shown="gateway status, nobody there",
    )
    shell.ask("doctor", "--no-send", reading=DOCTOR)
    shell.ask("doctor --explain", "key-unset", reading=Reading(literal=("row",)))
    shell.ask(
        "doctor --says", "-", stdin="unexpected status 402 Payment Required: wallet is empty", reading=TICKET_FILE
    )
    for name in ("ticket.txt", "words.txt", "good.txt"):
        shell.ask("triage", name, reading=TICKET_FILE)
    shell.ask("report --check", "good.txt")
    shell.ask("report --check", "leaky.txt")
    shell.ask("gateway settings", reading=Reading(open=("settings[].value", "settings[].default")))
    shell.ask("gateway stop")
    shell.ask("gateway status")
    shell.ask("gateway upstream-key set", "upstream --in file", stdin="up-1234567890")
    shell.ask("gateway upstream-key where", "upstream")
    shell.ask("gateway upstream-key forget", "upstream")
    shell.ask("gateway upstream-key forget", "upstream")


def with_codex(shell: Shell) -> None:
    """Where the real Codex is installed: it makes a turn through the local gateway and its offline model."""
    machine = shell.machine
    shell.ask("try", "'say hi'", reading=Reading(literal=("requests[].cost_source",)))
    shell.ask("try", "--model nowhere/nothing")
    key = {"JOY_TOKEN_API_KEY": machine.ask("keys", "create", "doctor")["key"]}
    url = machine.ask("gateway", "status")["url"]
    (machine.folder / "home" / ".codex" / "config.toml").write_text(config_block(f"{url}/openai/v1"))
    shell.ask("doctor --with-codex", env=key, reading=DOCTOR)
    shell.ask("doctor --with-codex", env={"JOY_TOKEN_API_KEY": "jt_other"}, reading=DOCTOR, shown="doctor, a bad key")
    shell.ask("gateway stop")


def in_trouble(shell: Shell) -> None:
    """What a gateway cannot start with, and a doctor whose user has waited long enough; in processes of their own."""
    machine = shell.machine
    settings = machine.folder / "config.toml"
    settings.write_text("[gateway]\nport = 'x'\n")
    shell.run("gateway settings", shown="gateway settings, a wrong setting")
    settings.unlink()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        shell.note("gateway run, the port is taken", machine.run("gateway", "run", "--port", port).code)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base_url = f"http://127.0.0.1:{silent.getsockname()[1]}/openai/v1"
        (machine.folder / "home" / ".codex" / "config.toml").write_text(config_block(base_url))
        process = machine.start(
            "doctor", "--timeout", "60", env={"JOY_TOKEN_API_KEY": "jt_some_key"}, **CAN_BE_INTERRUPTED
        )
        silent.settimeout(HANG_S)
        with silent.accept()[0]:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=HANG_S)
    shell.note("doctor, then Ctrl-C while it waits", process.returncode)


CAN_BE_INTERRUPTED = {"preexec_fn": partial(signal.signal, signal.SIGINT, signal.SIG_DFL)}
"""Whoever started the tests may ignore SIGINT (nohup, a script's background job), and what they start would inherit that."""
