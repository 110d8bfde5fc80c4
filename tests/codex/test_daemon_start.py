"""A background server that cannot start stops the interactive Codex, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from joytui.codex.look import look
from joytui.codex.world import Invocation, World
from tests.support.raw_gateway import CONFIG, KEY


def seen(tmp_path: Path, *args: str, version: str = "0.171.0", more: str = "") -> World:
    (tmp_path / "config.toml").write_text(CONFIG.format(port=9) + more)
    env = {"CODEX_HOME": str(tmp_path), "JOY_TOKEN_API_KEY": KEY}
    return look(Invocation(args, env, tmp_path, version, tmp_path / "etc", tmp_path))


def causes(world: World) -> tuple[list[str], list[str]]:
    return [one.cause for one in world.problems], [one.cause for one in world.warnings]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("app-server-daemon", "Error: failed to create daemon state directory {0}: socket directory path exists and is not a directory: {0}"),
        ("app-server-control", "Error: app server did not become ready on {0}/app-server-control.sock"),
    ],
)  # fmt: skip
def test_a_file_where_it_needs_a_folder(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / name).write_text("")
    (problem,) = seen(tmp_path).problems
    assert (problem.cause, problem.message) == ("daemon-start-failed", says.format(tmp_path / name))
    assert problem.where == str(tmp_path / name)


@pytest.mark.parametrize("args", [("exec", "hi"), ("--no-daemon",), ("--disable", "daemon_auto_start")])
def test_who_starts_none_is_not_stopped(tmp_path: Path, args: tuple[str, ...]) -> None:
    (tmp_path / "app-server-daemon").write_text("")
    assert causes(seen(tmp_path, *args)) == ([], [])


def test_nor_is_an_older_codex_or_one_that_is_told_not_to(tmp_path: Path) -> None:
    (tmp_path / "app-server-daemon").write_text("")
    assert causes(seen(tmp_path, version="0.140.0")) == ([], [])
    assert causes(seen(tmp_path, more="[features]\ndaemon_auto_start = false\n")) == ([], [])


HELD = "Error: app-server control socket is already in use at /h/app-server-control.sock"


@pytest.mark.parametrize(("log", "warned"), [(f"noise\n{HELD}\n", True), (f"{HELD}\nnoise\n", False), ("", False)])
def test_what_it_said_last_is_told(tmp_path: Path, log: str, warned: bool) -> None:
    (tmp_path / "app-server-daemon").mkdir()
    (tmp_path / "app-server-daemon" / "daemon.stderr.log").write_text(log)
    world = seen(tmp_path)
    assert causes(world) == ([], ["daemon-start-failed"] if warned else [])
    assert not warned or HELD in world.warnings[0].summary
