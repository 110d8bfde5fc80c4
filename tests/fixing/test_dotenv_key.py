"""The key into $CODEX_HOME/.env: on an explicit yes, 0600, shown by length and fingerprint alone, and taken out again."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from joytui.codex.dotenv import read_dotenv
from tests.fixing.conftest import VERSION
from tests.fixing.test_fix import contents, fix
from tests.support.fault_gateway import GOOD_KEY
from tests.support.joytui_process import Machine

NAME = "JOY_TOKEN_API_KEY"
LINE = f"{NAME}={GOOD_KEY}\n"


@pytest.fixture
def zshrc(machine: Machine) -> Path:
    """The most frequent ticket: the key stands there, and another program starts Codex."""
    del machine.env[NAME]
    place = machine.folder / "home/.zshrc"
    place.write_text(f"export {NAME}='{GOOD_KEY}'\n")
    return place


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_key_of_a_start_file(machine: Machine, home: Path, good: str, zshrc: Path) -> None:
    said = fix(machine, "key-unset", "--yes", "--json")
    assert (said.code, said.json["verdict"]["works"]) == (0, True), said.err
    assert (home / ".env").read_text() == LINE
    assert mode(home / ".env") == 0o600
    assert "overrides every shell" in said.err
    assert f"{len(GOOD_KEY)} bytes, #" in said.err
    journal = (machine.data / "mends.json").read_text()
    assert GOOD_KEY not in said.out + said.err + journal
    assert json.loads(journal)["mends"][-1]["files"][0]["secret_of"] == NAME
    assert machine.call("doctor", "--undo").code == 0
    assert contents(home) == {"config.toml": good.encode()}


def test_a_yes_to_whatever_it_is_writes_no_key(machine: Machine, home: Path, good: str, zshrc: Path) -> None:
    said = fix(machine, "--yes")
    assert said.code == 1
    assert "needs your own decision" in said.err
    assert contents(home) == {"config.toml": good.encode()}


def test_the_verdict_offers_it_and_this_shells_own_way(machine: Machine, home: Path, good: str, zshrc: Path) -> None:
    report = machine.call("doctor", "--json", "--no-send", *VERSION, env={"SHELL": "/bin/zsh"}).json
    told = report["verdict"]["fix"]
    assert told["commands"][:2] == [f"source {zshrc}", "joytui doctor --fix key-unset"]
    assert (told["patch"], told["safe"]) == (None, False)
    assert "only interactive zsh shells read that file" in report["verdict"]["evidence"][0]["what"]


def test_the_key_of_this_shell_for_every_other_surface(machine: Machine, home: Path, good: str) -> None:
    warned = machine.call("doctor", "--surfaces", "--json", *VERSION)
    assert warned.code == 0
    warning = next(one for one in warned.json["warnings"] if one["cause"] == "key-unset")
    assert {"cron", "empty"} <= set(warning["details"]["surfaces"])

    said = fix(machine, "key-unset", "--yes", "--json")
    assert said.code == 0
    assert (home / ".env").read_text() == LINE
    assert {cell["verdict"] for cell in said.json["surfaces"]} <= {"works", "unknown", "other-value"}
    assert GOOD_KEY not in warned.out + said.out + said.err


@pytest.mark.parametrize(
    "before",
    [
        "OTHER=1\n",
        "OTHER=1",
        "# mine\r\nOTHER=1\r\n",
        f"{NAME}=\nOTHER=1\n",
        f"OTHER='a\nb'\nexport {NAME}=''\n# last\n",
    ],
    ids=["whole", "no line end", "CRLF", "blank", "many lines"],
)
def test_only_this_variables_line_changes(before: str, machine: Machine, home: Path, good: str, zshrc: Path) -> None:
    (home / ".env").write_bytes(before.encode())
    (home / ".env").chmod(0o644)
    assert fix(machine, "key-unset", "--yes").code == 0
    after = (home / ".env").read_bytes().decode()
    values = {item.name: item.value for item in read_dotenv(after, {})}
    assert values == {**{item.name: item.value for item in read_dotenv(before, {})}, NAME: GOOD_KEY}
    assert mode(home / ".env") == 0o600
    assert [
        path.name for path in home.iterdir() if path.name.endswith(".bak")
    ] == []  # Codex works: the old bytes are not kept

    assert machine.call("doctor", "--undo").code == 0
    left = (home / ".env").read_bytes().decode()
    assert [item.name for item in read_dotenv(left, {})] == ["OTHER"]
    assert mode(home / ".env") == 0o600


def test_until_codex_works_the_old_file_is_kept_for_its_owner_alone(
    machine: Machine, home: Path, good: str, zshrc: Path
) -> None:
    (home / ".env").write_text("OTHER=1\n")
    fix(machine, "key-unset", "--yes", "--no-send")
    (backup,) = (path for path in home.iterdir() if path.name.endswith(".bak"))
    assert mode(backup) == 0o600
    assert machine.call("doctor", "--undo").code == 0
    assert (home / ".env").read_text() == "OTHER=1\n"


def test_undo_takes_out_its_own_line_alone(machine: Machine, home: Path, good: str, zshrc: Path) -> None:
    fix(machine, "key-unset", "--yes")
    with (home / ".env").open("a") as file:
        file.write("ADDED=later\n")
    assert machine.call("doctor", "--undo").code == 0
    assert (home / ".env").read_text() == "ADDED=later\n"


def test_undo_leaves_a_key_that_was_changed_since(machine: Machine, home: Path, good: str, zshrc: Path) -> None:
    fix(machine, "key-unset", "--yes")
    (home / ".env").write_text(f"{NAME}=jt_live_a_newer_one_00000\n")
    assert machine.call("doctor", "--undo").code != 0
    assert "a_newer_one" in (home / ".env").read_text()


@pytest.mark.parametrize(
    "lines",
    [
        f"export {NAME}=$(pass show joytoken)\n",
        f"export {NAME}=jt_live_one_000000000\nexport {NAME}=jt_live_two_000000000\n",
        f"export {NAME}='Bearer {GOOD_KEY}'\n",
        f"export {NAME}=jt_xxx\n",
        f"export {NAME}=''\n",
        "",
    ],
    ids=["computed", "two keys", "a prefix", "the placeholder", "blank", "nowhere"],
)
def test_a_key_that_is_not_plain_to_see_is_not_written(
    lines: str, machine: Machine, home: Path, good: str, zshrc: Path
) -> None:
    zshrc.write_text(lines)
    said = fix(machine, "key-unset", "--yes")
    assert said.code == 1
    assert contents(home) == {"config.toml": good.encode()}


def test_a_quote_that_does_not_end_would_swallow_it(machine: Machine, home: Path, good: str) -> None:
    (home / ".env").write_text("OTHER='never ends\n")
    assert "does not change this itself" in fix(machine, "key-unset", "--yes").err
    assert (home / ".env").read_text() == "OTHER='never ends\n"
