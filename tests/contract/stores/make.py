"""Makes what joytui at one commit leaves on a disk, and what it then answers: `python -m tests.contract.stores.make COMMIT`.

The commit's own program, unpacked from git, lives through three days in January and February 2026 (libfaketime): keys and
requests of every kind, a wallet, changes to Codex's files, a console, and a gateway that is killed in the middle of a request.
Then it is asked, in June, so that no window of a budget is open any more. Both are kept below this folder for
`test_stores.py`, which asks whatever joytui is then.

No path of this machine is kept (FOLDER stands for it), and no port.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

import tests.conftest  # noqa: F401 (what a developer's own shell has is as far away as in a test)
from joytui.core.joytoken import config_block
from tests.contract import traffic
from tests.contract.compare import as_text
from tests.contract.product import SETTINGS, SHELL, ready
from tests.contract.stores import asked
from tests.support.fault_gateway import FaultGateway
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine, Said
from tests.support.rollout_corpus import Thread, Truth
from tests.support.terminal import Terminal

HERE = Path(__file__).parent
DAYS = tuple(datetime(2026, *day, tzinfo=UTC) for day in ((1, 12, 9), (1, 13, 18, 30), (2, 2, 12)))
JUNE = datetime(2026, 6, 1, 12, tzinfo=UTC)
CONFIG = ("# mine\n" + config_block().replace('"joytoken"', '"joytokn"  # a slip', 1)).replace("\n", "\r\n").encode()
"""Codex's configuration, with what the doctor fixes in it."""


@dataclass
class Past(Machine):
    """A machine with the program of a commit, at a moment of the past; a minute goes by before each command."""

    program: Path = field(default_factory=Path)
    at: datetime = DAYS[0]

    def start(self, *words: str, env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        self.at += timedelta(minutes=1)
        return super().start(*words, env={**self.past, **(env or {})}, **options)

    def call(self, *words: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Said:
        """A process of its own, since this interpreter has another program."""
        return self.run(*words, stdin=stdin, env=env)

    @property
    def past(self) -> dict[str, str]:
        return {**asked.clock_at(self.at), "PYTHONPATH": str(self.program)}

    def python(self, program: str) -> None:
        """Runs a few lines with the commit's own modules."""
        subprocess.run([sys.executable, "-c", program], env={**self.env, **self.past}, cwd=self.folder, check=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.stores.make", description=__doc__)
    parser.add_argument("commit")
    parser.add_argument("--asked-of", metavar="COMMIT", help="whose answers are kept, where that commit lacks commands")
    wanted = parser.parse_args()
    commit, other = short(wanted.commit), short(wanted.asked_of or wanted.commit)
    with tempfile.TemporaryDirectory() as scratch:
        there = Path(scratch)
        machine = Past(there / "machine", dict(SHELL), unpack(commit, there / "program"))
        secrets = live(machine)
        answers = ask(machine, there / "own" / "asked", secrets["keys"])
        if other != commit:
            own = answers
            later = Past(machine.folder, dict(SHELL), unpack(other, there / "other"))
            answers = ask(later, there / "other asked" / "asked", secrets["keys"])
            own["commands"] = {line: says for line, says in own["commands"].items() if says}
            print(*asked.other_than(own, answers), sep="\n")
        keep(machine.folder, HERE / commit, {"commit": commit, "secrets": secrets, "answers": answers})
    return 0


def short(commit: str) -> str:
    done = subprocess.run(["git", "rev-parse", "--short=7", commit], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def unpack(commit: str, program: Path) -> Path:
    archive = subprocess.run(["git", "archive", commit, "joytui"], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(program, filter="data")
    return program


# --- three days


def live(machine: Past) -> dict[str, Any]:
    """Leaves everything on the machine's disk; gives the plain keys and tokens, which stand nowhere else."""
    machine.call("keys", "list")  # starts a gateway, which ends with it: there is no key yet
    with FaultGateway(traffic.UPSTREAM) as upstream:
        (machine.folder / "config.toml").write_text(SETTINGS.format(url=upstream.base_url), encoding="utf-8")
        with gateway(machine) as http:
            traffic.wait_for_models(http)
            http.put("/console/v1/policies/team", json=traffic.POLICY).raise_for_status()
            http.put("/console/v1/policies/team", json={"daily_limit": "7"}).raise_for_status()
            reader = http.post("/console/v1/tokens", json={"name": "wall"}).json()["token"]
            keys = {name: made(machine, "create", name, *options) for name, options in traffic.KEYS.items()}
            said(machine, "keys", "revoke", "ended")
            said(machine, "keys", "disable", "asleep")
            said(machine, "wallet", "set", "standard", "5000", "--note", "January")
            traffic.send(http, keys)
            traffic.wait_for_end(http)
            ticket = machine.call("logs", "--limit", "0", "--json").json_lines[0]["upstream_id"]
    machine.at = DAYS[1]
    with gateway(machine, offline=True) as http:
        keys["turned"] = made(machine, "rotate", "cheap", "--overlap", "2h")
        said(machine, "keys", "edit", "ada", "--daily", "1000")
        said(machine, "keys", "create", "brief", "--expires", "2026-01-14")
        said(machine, "wallet", "credit", "premium", "10.5", "--note", "a gift")
        traffic.send_offline(http, keys)
        kill_a_server(machine)
    change_files(machine, ticket)
    machine.at = DAYS[2]
    with FaultGateway(traffic.HANGING) as other:
        settings = machine.folder / "config.toml"
        settings.write_text(settings.read_text("utf-8").replace(upstream.base_url, other.base_url), encoding="utf-8")
        die_in_the_middle(machine, keys["ada"])
    forget_ports(machine.folder)
    admin = (machine.data / "admin-token").read_text(encoding="utf-8").strip()
    return {"keys": keys, "admin": admin, "reader": reader}


@contextlib.contextmanager
def gateway(machine: Past, *, offline: bool = False) -> Iterator[httpx.Client]:
    """A gateway until the block ends, for its admin."""
    settings = machine.folder / "config.toml"
    kept = settings.read_text(encoding="utf-8")
    if offline:
        settings.write_text("[gateway]\nretention_days = 0\n", encoding="utf-8")
    process = machine.start("gateway", "run")
    try:
        url = ready(process)
        token = (machine.data / "admin-token").read_text(encoding="utf-8").strip()
        with httpx.Client(
            base_url=url, trust_env=False, verify=False, timeout=HANG_S, headers=asked.bearer(token)
        ) as http:
            yield http
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=HANG_S)
        settings.write_text(kept, encoding="utf-8")
    assert process.returncode == 0, err


def said(machine: Past, *words: str) -> Any:
    done = machine.call(*words, "--json")
    assert done.code == 0, (words, done)
    return done.json


def made(machine: Past, *words: str) -> str:
    """The plain key of a new one."""
    return str(said(machine, "keys", *words)["key"])


def forget_ports(folder: Path) -> None:
    """What had them runs no longer, and another program may have them then."""
    for path in (folder / "config.toml", folder / "data" / "gateway.json"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"127\.0\.0\.1:\d+", asked.NOBODY, text), encoding="utf-8")


def die_in_the_middle(machine: Past, key: str) -> None:
    """A gateway that is killed while it holds credits for a request that it has begun to answer."""
    process = machine.start("gateway", "run")
    url = ready(process)
    with httpx.Client(base_url=url, trust_env=False, verify=False, timeout=HANG_S) as http:
        traffic.begin(http, key, lambda: process.send_signal(signal.SIGKILL))
    process.communicate(timeout=HANG_S)
    with contextlib.closing(sqlite3.connect(machine.data / "ledger.sqlite3")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def write_rollouts(codex: Path, response: str) -> None:
    """Two threads of Codex: one through the gateway, whose answer it knows, and one elsewhere."""
    truth, rng = Truth(), random.Random(11)
    moment = datetime(2026, 1, 12, 9, 0, 30, tzinfo=UTC)
    for number, (provider, known) in enumerate((("joytoken", response), ("openai", None))):
        thread = Thread(rng, truth, moment, version="0.169.0", provider=provider, cwd=f"/home/ada/app-{number}")
        thread.id = traffic.THREAD if known else thread.id
        thread.begin_turn()
        thread.answer((120, 100, 9, 3), response=known)
        thread.wait(1)
        thread.end_turn(None if known else "unexpected status 402 Payment Required: wallet is empty")
        path = thread.write(codex)
        os.utime(path, (moment.timestamp(), moment.timestamp()))


def kill_a_server(machine: Past) -> None:
    """A console in a browser that is killed, and so leaves the note about its token (if this commit has that command)."""
    process = machine.start("serve", "--port", "0")
    with contextlib.suppress(AssertionError):
        ready(process)
    process.kill()
    process.communicate(timeout=HANG_S)


def change_files(machine: Past, ticket: str) -> None:
    """What the commands write beside the ledger: Codex's configuration changed twice, reports, a cache, a key, a console."""
    codex = machine.folder / "home" / ".codex"
    (codex / "config.toml").write_bytes(CONFIG)
    write_rollouts(codex, ticket)
    assert machine.call("doctor", "--fix", "--yes", "--no-send").code in (0, 1)
    assert machine.call("setup", "--direct", "--base-url", "http://127.0.0.1:9/openai/v1", "--yes").code == 1
    (machine.folder / "report.json").write_text(machine.call("doctor", "--no-send", "--json").out, encoding="utf-8")
    assert machine.call("report", "-o", "bundle.zip", env={"SOURCE_DATE_EPOCH": "1768300000"}).code == 0
    assert machine.call("usage", "--source", "codex").code == 0
    machine.call("gateway", "upstream-key", "set", "other", "--in", "file", stdin="up-0123456789")
    machine.python(
        "from joytui.core.places import places\nfrom joytui.tui.settings import save\nsave(places().config_file, {'budget': '20.5', 'budget_period': 'week', 'ascii': True})"
    )
    command = [sys.executable, "-m", "joytui", "--no-start", "--screen", "usage", "--theme", "light"]
    env = {**machine.env, **machine.past, "TERM": "xterm-256color"}
    with Terminal(command, env=env, cwd=machine.folder) as console:
        console.wait_for("Usage", timeout=HANG_S)
        console.send("q")
        assert console.wait_exit(timeout=HANG_S) == 0


# --- and in June


def ask(machine: Past, folder: Path, keys: Mapping[str, str]) -> dict[str, Any]:
    """The commit's own answers, on a copy."""
    shutil.copytree(machine.folder, folder)
    asked.replace_in_files(folder, str(machine.folder), str(folder))
    later = Past(folder, dict(SHELL), machine.program, JUNE)
    with gateway(later) as http:
        answers = {
            "commands": {line: asked.command(later, line) for line in asked.LINES},
            "paths": {path: asked.compared(path, http.get(path).json()) for path in asked.PATHS},
            "keys": {name: asked.own(http, key) for name, key in keys.items()},
            "tail": asked.tail(http),
            "undone": [asked.undone(later, line) for line in asked.UNDOING],
        }
    return {**answers, "the same day": the_same_day(machine, folder.with_name("that day"))}


def the_same_day(machine: Past, folder: Path) -> Any:
    """The keys as they are shown within an hour of the kill, while each window of their budgets is open."""
    shutil.copytree(machine.folder, folder)
    soon = Past(folder, dict(SHELL), machine.program, DAYS[-1])
    with gateway(soon):
        return {"at": f"{soon.at:%Y-%m-%d %H:%M:%S}", "keys": asked.budgets(soon)}


def keep(folder: Path, place: Path, made: dict[str, Any]) -> None:
    """Copies what is on the disk to its place, without this machine's paths and ports."""
    shutil.rmtree(place, ignore_errors=True)
    times = {path.relative_to(folder).as_posix(): int(path.stat().st_mtime) for path in folder.rglob("*.jsonl")}
    shutil.copytree(folder, place / "disk", ignore=shutil.ignore_patterns("*.lock", "gateway.log", "*-shm", "*-wal"))
    asked.replace_in_files(place / "disk", str(folder), asked.FOLDER)
    named = [path for path in place.rglob("*") if path.is_file() and str(folder).encode() in path.read_bytes()]
    assert not named, f"the folder's own name stands in {named}"
    (place / "made.json").write_text(as_text({**made, "times": times}, width=1000) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
