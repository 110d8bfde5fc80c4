"""The running product, asked: what each command answers as JSON and with which exit code, what the gateway serves, which
files are there then.

One gateway process, one upstream, one home folder; the commands run in this interpreter, each in its own process where that
is what counts. Whatever is told here is compared with `frozen/`: add a line where a command is worth more.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shlex
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.contract import traffic
from tests.contract.shapes import NOTHING, PLAIN, Reading, Shape
from tests.support.fault_gateway import GOOD_KEY, FaultGateway
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine, Said

SETTINGS = """\
[gateway]
retention_days = 0

[[gateway.upstreams]]
name = "upstream"
url = "{url}"
key_env = "UPSTREAM_KEY"
api = "chat"

[console]
theme = "light"
"""
SHELL = {"SHELL": "/bin/bash", "TERM": "dumb", "USER": "ada", "UPSTREAM_KEY": GOOD_KEY, "PATH": "/nonexistent"}
"""What a shell may have in another way on another machine, and what answers could hang on."""
READY_S = 60.0


@dataclass
class Told:
    """What was found out. `exits`: codes by command line; `members`: shapes by command."""

    exits: dict[str, int] = field(default_factory=dict)
    members: dict[str, Shape] = field(default_factory=dict)


@dataclass
class Shell:
    """Somebody at a shell of this machine; `state` says in one word how things are, for who reads the exit codes."""

    machine: Machine
    told: Told
    state: str

    def run(self, line: str, *, shown: str = "", stdin: str = "", env: Mapping[str, str] | None = None) -> Said:
        """`joytui LINE`; its exit code is noted under LINE, or as it is `shown`."""
        said = self.machine.call(*shlex.split(line), stdin=stdin, env=env)
        self.note(shown or line, said.code)
        return said

    def note(self, line: str, code: int) -> None:
        self.told.exits[f"{self.state}: joytui {line}".rstrip()] = code

    def ask(self, command: str, words: str = "", *, of: str = "", reading: Reading = PLAIN, **options: Any) -> Any:
        """The JSON of `joytui COMMAND WORDS --json`; its shape is noted under COMMAND, or under `of`."""
        line, dashes, rest = f"{command} {words}".strip().partition(" -- ")
        said = self.run(f"{line} --json{dashes}{rest}", **options)
        try:
            data = json.loads(said.out)
        except ValueError:
            raise AssertionError(f"joytui {command} {words}: {said}") from None
        self.see(f"{of or command} --json", data, reading)
        return data

    def see(self, what: str, data: Any, reading: Reading = PLAIN) -> None:
        self.told.members[what] = self.told.members.get(what, NOTHING) | reading.shape(data)


@dataclass
class Running(Shell):
    """With a gateway that relays to `traffic.UPSTREAM`: the keys that it issued, and its answers to `traffic.send`."""

    url: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    http: httpx.Client = field(default_factory=httpx.Client)
    answers: dict[str, httpx.Response] = field(default_factory=dict)

    @property
    def admin(self) -> str:
        """The token that may change everything."""
        return (self.machine.data / "admin-token").read_text(encoding="utf-8").strip()

    def bearer(self, token: str | None = None) -> dict[str, str]:
        return {"authorization": f"Bearer {token or self.admin}"}


@contextlib.contextmanager
def running(folder: Path, told: Told) -> Iterator[Running]:
    """A machine whose gateway has met `traffic`, and that spent a little on each of the days before."""
    machine = Machine(folder, dict(SHELL))
    with FaultGateway(traffic.UPSTREAM) as upstream, contextlib.chdir(folder):
        (folder / "config.toml").write_text(SETTINGS.format(url=upstream.base_url), encoding="utf-8")
        _spend_before(machine.data / "ledger.sqlite3")
        process = machine.start("gateway", "run")
        try:
            url = ready(process)
            with httpx.Client(base_url=url, trust_env=False, verify=False, timeout=HANG_S) as http:
                shell = Running(machine, told, "a gateway runs", url=url, http=http)
                _use(shell)
                yield shell
        finally:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=HANG_S)
        assert (out, err) == ("", ""), (out, err)
        shell.note("gateway run, then SIGTERM", process.returncode)


def ready(process: subprocess.Popen[str]) -> str:
    """The URL of the line "ready URL"."""
    line = next_line(process)
    assert line.startswith("ready http://127.0.0.1:"), line or (process.stderr and process.stderr.read())
    return line.removeprefix("ready ").rstrip("\n")


def next_line(process: subprocess.Popen[str]) -> str:
    """What the process says next on stdout; "" where it has ended."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(READY_S), "not a line in time"
    return process.stdout.readline()


def _spend_before(store: Path) -> None:
    """Makes the store, with a little spent in each hour of five days: an hour of much spending stands out then."""
    from joytui.ledger.sqlite.engine import SqliteLedger

    mask = os.umask(0o077)
    SqliteLedger.open_store(store).close()
    os.umask(mask)
    hour = int(time.time()) // 3600
    one = "1, 0, 100, 0, 10, 0, 1000000"  # requests, errors, input, cached, output, reasoning, nano-credits
    tables = {
        "rollup": f"?, '', 'gpt-5.5', 'standard', 'openai', {one.replace('1, 0', '1, 0, 0', 1)}",
        "part": f"'route', ?, '', 'gpt-5.5', 'standard', 'openai', '', '', '', '', '', '', {one}",
    }
    with contextlib.closing(sqlite3.connect(store)) as connection, connection:
        for table, columns in tables.items():
            for unit, hours in (("hour", 1), ("day", 24)):
                rows = {(begin // hours,) for begin in range(hour - 120, hour)}
                connection.executemany(f"INSERT INTO {table}_{unit} VALUES ({columns})", rows)


def _use(shell: Running) -> None:
    """The keys are made, each request is sent, and its end has come to the logs."""
    traffic.wait_for_models(shell.http, shell.bearer())
    shell.http.put("/console/v1/policies/team", json=traffic.POLICY, headers=shell.bearer()).raise_for_status()
    for name, options in traffic.KEYS.items():
        shell.keys[name] = shell.ask("keys create", shlex.join((name, *options)), of="keys create|rotate")["key"]
    shell.ask("wallet set", "standard 5000 --note November")
    for line in ("keys revoke ended", "keys disable asleep"):
        shell.ask(line, of="keys edit|revoke|disable|enable")
    for what, answer in traffic.send(shell.http, shell.keys):
        shell.answers[what] = answer
    traffic.wait_for_end(shell.http, shell.bearer())
