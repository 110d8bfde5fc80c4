"""What joytui changed in another program's file can always be put back, and what others wrote there is never lost."""

from __future__ import annotations

import errno
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.attack.writes import FIX, NEW, OLD, UNDO
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine
from tests.support.needs import needs


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    here = Machine(tmp_path, {"JOY_TOKEN_API_KEY": "jt_live_0123456789abcdef", "PATH": "/nowhere"})
    config(here).write_bytes(OLD)
    return here


def home(machine: Machine) -> Path:
    return machine.folder / "home" / ".codex"


def config(machine: Machine) -> Path:
    return home(machine) / "config.toml"


def fix(machine: Machine) -> str:
    said = machine.call(*FIX)
    assert config(machine).read_bytes() == NEW, said.err
    return said.err


def journal(machine: Machine) -> Path:
    return machine.data / "mends.json"


def at_each_step(folder: Path, what: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.attack.writes", str(folder), what],
        capture_output=True, text=True, timeout=HANG_S, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@needs("a POSIX terminal")
@pytest.mark.parametrize(
    ("what", "steps"),
    [
        ("kill", {"fix": 30, "undo": 20}),
        ("together", {"together": 12}),
        ("replace", {"--fix anew": 30}),
        pytest.param("edit", {"--fix in_place": 30, "--undo in_place": 20, "--undo anew": 20}, marks=pytest.mark.slow),
    ],
)
def test_whatever_happens_at_whichever_step(tmp_path: Path, what: str, steps: dict[str, int]) -> None:
    found = at_each_step(tmp_path, what)
    assert [fault for fault in found if "steps" not in fault] == []
    counted = {one["of"]: one["steps"] for one in found}
    assert counted.keys() == steps.keys()
    assert all(counted[name] >= least for name, least in steps.items()), counted


def stray_byte(place: Path) -> None:
    place.write_bytes(place.read_bytes() + b"\xff")


def torn(place: Path) -> None:
    data = place.read_bytes()
    place.write_bytes(data[: len(data) - len(data) // 4])


def byte_within(place: Path) -> None:
    data = place.read_bytes()
    middle = data.rindex(b"config.toml") + 3
    place.write_bytes(data[:middle] + b"\xfe" + data[middle:])


def emptied(place: Path) -> None:
    place.write_bytes(b"")


@pytest.mark.parametrize("damage", [stray_byte, torn, byte_within, emptied, Path.unlink])
def test_the_record_may_be_damaged_or_gone(machine: Machine, damage: Any) -> None:
    fix(machine)
    damage(journal(machine))
    undone = machine.call(*UNDO)
    assert (undone.code, config(machine).read_bytes()) == (0, OLD), undone.err
    assert [path.name for path in home(machine).iterdir()] == ["config.toml"]
    again = machine.call(*UNDO)
    assert (again.code, "nothing to undo" in again.err) == (1, True)


def test_what_is_whole_in_a_damaged_record_outlives_the_next_fix(machine: Machine) -> None:
    profile = home(machine) / "work.config.toml"
    fix(machine)
    stray_byte(journal(machine))
    profile.write_bytes(b'wire_api = "chat"\n')
    config(machine).write_bytes(NEW.replace(b'"joytoken"\nmodel', b'"joytokens"\nmodel'))
    second = config(machine).read_bytes()
    assert machine.call(*FIX).code == 0
    assert (machine.call(*UNDO).code, config(machine).read_bytes()) == (0, second)
    config(machine).write_bytes(NEW)
    assert (machine.call(*UNDO).code, config(machine).read_bytes()) == (0, OLD)


def test_a_backup_without_a_record_is_never_called_nothing(machine: Machine) -> None:
    """As an older version named it: nothing tells what the file was changed to, so the user decides."""
    older = home(machine) / "config.toml.joytui-20261123-131500.bak"
    older.write_bytes(OLD)
    config(machine).write_bytes(NEW + b"# edited since\n")
    said = machine.call(*UNDO)
    assert said.code == 1
    assert "nothing to undo" not in said.err
    assert f"cp {older} {config(machine)}" in said.err
    assert config(machine).read_bytes() == NEW + b"# edited since\n"
    fix_name = fix_again(machine)
    journal(machine).unlink()
    with config(machine).open("ab") as file:
        file.write(b"# and since\n")
    said = machine.call(*UNDO)
    assert (said.code, f"cp {fix_name}" in said.err) == (1, True), said.err


def fix_again(machine: Machine) -> Path:
    config(machine).write_bytes(OLD)
    before = set(home(machine).iterdir())
    fix(machine)
    (made,) = set(home(machine).iterdir()) - before
    return made


OWN = b'model = "gpt-5.5" # mine\n[mcp_servers.docs]\ncommand = "docs"\n'
SETUP = ("setup", "--direct", "--yes", "--base-url", "http://127.0.0.1:9/openai/v1")


@pytest.mark.parametrize("since", [b"", b"# edited since\n"])
def test_a_setup_is_taken_back_without_its_record(machine: Machine, since: bytes) -> None:
    config(machine).write_bytes(OWN)
    machine.call(*SETUP)
    assert b"[model_providers.joytoken]" in config(machine).read_bytes()
    with config(machine).open("ab") as file:
        file.write(since)
    journal(machine).unlink()
    said = machine.call("setup", "--remove")
    assert said.code == 0, said.err
    assert config(machine).read_bytes().replace(b"\n\n", b"\n") == OWN + since
    again = machine.call("setup", "--remove")
    assert (again.code, "nothing to remove" in again.err, "provider" in again.err) == (1, True, False)


def test_a_provider_that_nothing_tells_of_stays_and_is_named(machine: Machine) -> None:
    before = config(machine).read_bytes()
    said = machine.call("setup", "--remove")
    assert (said.code, "has the provider joytoken" in said.err) == (1, True), said.err
    assert config(machine).read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="Python reads extended attributes on Linux only")
def test_an_acl_and_extended_attributes_stay(machine: Machine) -> None:
    # user::rw-, user:12345:r--, group::r--, mask::r--, other::---, as Linux keeps them
    entries = [(1, 6, -1), (2, 4, 12345), (4, 4, -1), (16, 4, -1), (32, 0, -1)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(config(machine), "user.note", b"mine")
        os.setxattr(config(machine), "system.posix_acl_access", acl)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            pytest.skip("this file system has no ACLs")
        raise
    before = kept(config(machine))
    fix(machine)
    assert kept(config(machine)) == before
    assert machine.call(*UNDO).code == 0
    assert kept(config(machine)) == before


def kept(place: Path) -> dict[str, bytes | int]:
    attributes: dict[str, bytes | int] = {name: os.getxattr(place, name) for name in os.listxattr(place)}
    return {**attributes, "mode": place.stat().st_mode}


def test_hard_links_are_named_before_the_question(machine: Machine) -> None:
    other = machine.folder / "other-name.toml"
    os.link(config(machine), other)
    said = machine.call("doctor", "--fix", "--yes", "--no-send", "--codex-version", "0.169.0")
    assert "another name (hard link" in said.err
    assert said.err.index("hard link") < said.err.index("wrote")
    assert other.read_bytes() == OLD
