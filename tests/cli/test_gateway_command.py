"""`joytui gateway` in real processes: start, stop, and everything that can stand in the way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from joytui.cli.gateway_command import others
from joytui.core.wire import GatewayOnStore, GatewayStatus
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine
from tests.support.needs import needs


def test_start_status_stop(machine: Machine) -> None:
    assert machine.call("gateway", "status").code == 3
    assert machine.call("gateway", "status", "--json").json == {"running": False}
    started = machine.ask("gateway", "start")
    assert started["started"] is True
    assert machine.ask("gateway", "start") == {**started, "started": False}
    status = machine.ask("gateway", "status")
    assert (status["running"], status["pid"], status["url"]) == (True, started["pid"], started["url"])
    assert machine.run("gateway", "run").code == 1, "a second one on the same folder would take its state file away"
    assert machine.ask("gateway", "stop") == {"stopped": True, "url": started["url"], "pid": started["pid"]}
    assert not Path(f"/proc/{started['pid']}/cmdline").exists() or not runs(started["pid"])
    assert machine.ask("gateway", "stop")["stopped"] is False


def runs(pid: int) -> bool:
    return b"gateway" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_files_are_private(machine: Machine) -> None:
    machine.ask("gateway", "start")
    assert machine.data.stat().st_mode & 0o777 == 0o700
    for path in machine.data.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_run_says_ready_and_ends_with_ctrl_c(machine: Machine) -> None:
    """In the foreground; the commands find it by its state file."""
    process = machine.start("gateway", "run")
    assert process.stdout
    word, url = process.stdout.readline().split()
    assert (word, machine.ask("gateway", "status")["url"]) == ("ready", url)
    assert machine.ask("keys", "list") == {"keys": []}
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HANG_S)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert machine.call("gateway", "status").code == 3


def test_ctrl_c_while_it_starts(machine: Machine) -> None:
    """The command ends at once and takes the gateway that is not ready yet with it."""
    process = machine.start("keys", "list")
    assert process.stderr
    assert process.stderr.readline() == "starting the local gateway …\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HANG_S)
    assert (process.returncode, out, err) == (130, "", "")
    assert machine.call("gateway", "status").code == 3


@pytest.mark.parametrize("after", [0.05, 0.3])
def test_ctrl_c_at_any_time(machine: Machine, after: float) -> None:
    """130 without a word. Python itself, before it has come to our code, may end otherwise."""
    process = machine.start("keys", "list")
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=after)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=HANG_S)
    assert process.returncode in (0, 130) or f"joytui{os.sep}" not in err
    assert process.returncode not in (0, 130) or "Traceback" not in err


def test_a_command_starts_it_and_says_so(machine: Machine) -> None:
    """Without a key it ends with the command; once a key exists it stays, and the command says where."""
    first = machine.call("keys", "list")
    assert (first.code, first.out) == (0, "")
    assert "the local gateway is running at http://127.0.0.1:" in first.err
    assert "joytui keys create" in first.err
    assert machine.call("gateway", "status").code == 3
    created = machine.call("keys", "create", "first")
    assert "gateway keeps running at" in created.err
    status = machine.ask("gateway", "status")
    assert status["keys"] == 1
    assert [(one["url"], one["alive"]) for one in status["gateways"]] == [(status["url"], True)]
    assert machine.call("keys", "list").err == ""


def test_the_status_names_all_gateways_on_the_store() -> None:
    at = "2026-01-02T03:04:05Z"
    ones = [
        GatewayOnStore(
            id=name, url=f"http://{name}:1", version="1", since=at, running=2, last_seen=at, alive=name == "a"
        )
        for name in ("a", "b")
    ]
    status = GatewayStatus(version="1", url="http://a:1", pid=1, started_at=at, store="s", gateways=ones)
    first, second = others(status)
    assert first.startswith("http://a:1 (joytui 1, since ")
    assert first.endswith(", 2 running; alive)")
    assert second.startswith("http://b:1 (")
    assert "; last seen " in second
    assert others(status.model_copy(update={"gateways": ones[:1]})) == []


def test_no_start(machine: Machine) -> None:
    said = machine.call("logs", "--no-start")
    assert (said.code, said.out) == (3, "")
    assert "joytui gateway start" in said.err
    assert not machine.data.exists()


def test_an_explicit_gateway_stays_without_a_key(machine: Machine) -> None:
    machine.ask("gateway", "start")
    assert machine.call("logs").code == 0
    assert machine.call("gateway", "status").code == 0


@pytest.mark.slow
@needs("/proc")
def test_a_port_in_use_names_the_program(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = str(held.getsockname()[1])
        for words in (["gateway", "run", "--port", port], ["gateway", "start", "--port", port]):
            said = machine.run(*words)
            assert (said.code, said.out) == (3, ""), said.err
            assert "the port is taken by " in said.err
            assert f"(pid {os.getpid()})" in said.err
            assert "hint:" in said.err
            assert "Traceback" not in said.err
        said = machine.call("keys", "list", env={"JOYTUI_GATEWAY_PORT": port})
        assert (said.code, "the port is taken" in said.err) == (3, True)


def test_a_data_folder_that_cannot_be(machine: Machine, tmp_path: Path) -> None:
    machine.data.write_text("a file")
    for words in (["gateway", "run"], ["gateway", "start"], ["keys", "list"]):
        said = machine.call(*words)
        assert (said.code, said.out) == (3, ""), said.err
        assert str(machine.data) in said.err
        assert "JOYTUI_DATA_DIR" in said.err
        assert "Traceback" not in said.err
    machine.data.unlink()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere: run the tests as a user")
def test_a_read_only_data_folder(machine: Machine) -> None:
    machine.data.mkdir()
    machine.data.chmod(0o500)
    said = machine.run("keys", "list")
    machine.data.chmod(0o700)
    assert (said.code, "cannot be written" in said.err) == (3, True)


def test_a_gateway_that_was_killed(machine: Machine) -> None:
    """Its state file stays behind: the next command sees through it, and starts another."""
    killed = machine.ask("gateway", "start")
    os.kill(killed["pid"], signal.SIGKILL)
    assert machine.call("logs", "--no-start").code == 3
    again = machine.ask("gateway", "start")
    assert again["started"] is True
    assert again["pid"] != killed["pid"]


@pytest.mark.slow
def test_several_at_once_share_one(machine: Machine) -> None:
    """Three commands on a fresh machine: one gateway, no error."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    processes = [machine.start("gateway", "start", "--json", "--port", port) for _ in range(3)]
    answers = [process.communicate(timeout=HANG_S) for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, answers
    found = [json.loads(out) for out, _ in answers]
    assert len({(one["pid"], one["url"]) for one in found}) == 1
    assert sum(one["started"] for one in found) == 1


def test_an_older_gateway_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.ask("gateway", "start")
    monkeypatch.setattr("joytui.client.proof.__version__", "99.0")
    said = machine.call("keys", "list")
    assert said.code == 0
    assert "joytui gateway stop && joytui gateway start" in said.err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        pytest.param(["--port", "70000"], "port", marks=pytest.mark.slow),
        (["--host", "0.0.0.0"], "tls_cert"),
        pytest.param(["--host", "192.0.2.77", "--insecure"], "cannot listen there", marks=pytest.mark.slow),
        pytest.param(["--upstream", "ftp://x"], "http(s)", marks=pytest.mark.slow),
        (["--upstream", "https://api.example.com/v1", "--upstream-key-env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE"),
        pytest.param(["--store", "mysql://db/joytui"], "SQLite", marks=pytest.mark.slow),
        pytest.param(["--catalog", "/no/such/catalog.toml"], "catalog", marks=pytest.mark.slow),
        pytest.param(
            ["--tls-cert", "/no/such/cert", "--tls-key", "/no/such/key"],
            "the certificate and its key cannot be loaded",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ["--tls-cert", __file__, "--tls-key", __file__],
            "the certificate and its key cannot be loaded",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_settings_that_do_not_hold(machine: Machine, words: list[str], part: str) -> None:
    said = machine.call("gateway", "start", *words)
    assert said.code == (3 if "--insecure" in words else 2), said.err
    assert part in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(("name", "value"), [("DRAIN_S", "inf"), ("LEASE_S", "9" * 30), ("RETENTION_DAYS", "9" * 30)])
def test_numbers_that_no_clock_reaches_are_refused(machine: Machine, name: str, value: str) -> None:
    said = machine.call("gateway", "start", env={f"JOYTUI_GATEWAY_{name}": value})
    assert (said.code, f"JOYTUI_GATEWAY_{name}" in said.err) == (2, True)


def test_settings_are_shown_with_their_origin(machine: Machine) -> None:
    shown = machine.ask("gateway", "settings")
    assert shown["file"] == str(machine.folder / "config.toml")
    port = next(one for one in shown["settings"] if one["name"] == "port")
    assert (port["value"], port["default"], port["origin"]) == (0, 8791, "JOYTUI_GATEWAY_PORT")
    assert "port = 0" in machine.run("gateway", "settings").out
    (machine.folder / "config.toml").write_text("[gateway]\nprot = 2\n")
    said = machine.call("gateway", "settings")
    assert (said.code, "did you mean port?" in said.err) == (2, True)


def test_settings_file_errors_have_their_line(machine: Machine) -> None:
    (machine.folder / "config.toml").write_text("[gateway]\nport = 1\nprot = 2\n")
    said = machine.call("gateway", "start")
    assert said.code == 2
    assert "config.toml:3" in said.err


def test_a_gateway_that_runs_takes_no_settings_and_says_so(machine: Machine) -> None:
    """Exit 1 for who named them; who asks for what it has gets it; a changed file is told."""
    upstream = "http://127.0.0.1:9/v1"
    machine.ask("gateway", "start", "--upstream", upstream)
    for words in ((), ("--upstream", upstream), ("--upstream", f"{upstream}/")):
        again = machine.call("gateway", "start", *words, "--json")
        assert (again.code, again.json["differs"]) == (0, [])
    other = machine.call("gateway", "start", "--upstream", "http://127.0.0.1:10/v1", "--strict")
    assert other.code == 1
    assert f"it keeps running with its own settings (strict: its default, upstream: {upstream})" in other.err
    assert "`joytui gateway stop`" in other.err
    (machine.folder / "config.toml").write_text("[gateway]\nretention_days = 7\n")
    changed = machine.call("gateway", "start", "--upstream", upstream)
    assert changed.code == 0
    assert "retention_days: its default" in changed.err
    dropped = machine.call("gateway", "start", "--json")
    assert (dropped.code, dropped.json["differs"]) == (0, ["retention_days"])


@pytest.mark.parametrize("words", [["--upstream-key-env", "UPSTREAM_KEY"], ["--upstream-api", "chat"]])
def test_what_belongs_to_an_upstream_wants_one(machine: Machine, words: list[str]) -> None:
    for action in ("start", "run"):
        said = machine.call("gateway", action, *words)
        assert (said.code, said.out) == (2, "")
        assert "belongs to `upstream`, which is not set" in said.err
    assert machine.call("setup", "--local", "--yes", *words, env={"UPSTREAM_KEY": "sk-x"}).code == 2
