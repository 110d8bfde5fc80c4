"""Files are written whole or not at all, and only as they were shown."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from joytui.codex.look import look
from joytui.codex.world import Invocation, World
from joytui.core.errors import RefusedError
from joytui.core.places import Places
from joytui.core.records import Change
from joytui.doctor.fix import journal
from joytui.doctor.fix.check import objection
from joytui.doctor.fix.registry import fix_for
from joytui.doctor.fix.syntax import repair
from joytui.doctor.fix.write import Written, apply, planned, restore

CONFIG = (
    'model_provider = "joytoken"\nmodel = "auto"\n[model_providers.joytoken]\nname = "joytoken"\n'
    'base_url = "http://127.0.0.1:9/openai/v1"\nenv_key = "JOY_TOKEN_API_KEY"\nwire_api = "chat"\n'
)


@pytest.fixture
def here(tmp_path: Path) -> Places:
    data = tmp_path / "data"
    return Places(data, tmp_path / "joytui.toml", data / "cache")


@pytest.fixture
def world(tmp_path: Path) -> World:
    home = tmp_path / "codex"
    home.mkdir()
    (home / "config.toml").write_text(CONFIG)
    env = {"HOME": str(tmp_path), "CODEX_HOME": str(home), "JOY_TOKEN_API_KEY": "jt_live_0123456789abcdef"}
    return look(Invocation((), env, tmp_path, "0.169.0", tmp_path / "etc"))


def listing(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_file_that_changed_meanwhile_is_not_touched(world: World, here: Places) -> None:
    fix = fix_for("wire-api-removed", world, {})
    assert fix.changes
    place = Path(world.config_file)
    place.write_text(CONFIG + "# another editor\n")
    with pytest.raises(RefusedError, match="changed in the meantime"):
        journal.record(fix.changes, "wire-api-removed", world.codex_home, here)
    assert listing(place.parent) == {"config.toml": (CONFIG + "# another editor\n").encode()}
    place.unlink()
    with pytest.raises(RefusedError, match="changed in the meantime"):
        journal.record(fix.changes, "wire-api-removed", world.codex_home, here)
    assert journal.read(here) == []


def test_all_files_or_none(world: World, here: Places, tmp_path: Path) -> None:
    place = Path(world.config_file)
    folder = tmp_path / "file"
    folder.write_text("no folder")
    changes = (Change(str(place), place.read_bytes(), b"a = 1\n"), Change(str(folder / "x.toml"), None, b"b = 1\n"))
    with pytest.raises(RefusedError):
        journal.record(changes, "test", world.codex_home, here)
    assert listing(place.parent) == {"config.toml": CONFIG.encode()}
    assert journal.read(here) == []


def test_without_a_place_for_the_record_nothing_is_written(world: World, here: Places, tmp_path: Path) -> None:
    here.data_dir.write_text("in the way")
    fix = fix_for("wire-api-removed", world, {})
    assert fix.changes
    with pytest.raises(RefusedError, match="record for undo"):
        journal.record(fix.changes, "wire-api-removed", world.codex_home, here)
    assert listing(Path(world.codex_home)) == {"config.toml": CONFIG.encode()}


def test_a_backup_that_is_gone_stops_undo(world: World, here: Places) -> None:
    fix = fix_for("wire-api-removed", world, {})
    assert fix.changes
    entry = journal.record(fix.changes, "wire-api-removed", world.codex_home, here)
    after = Path(world.config_file).read_bytes()
    assert entry.files[0].backup
    Path(entry.files[0].backup).unlink()
    with pytest.raises(RefusedError, match="backup"):
        journal.undo(world.codex_home, here)
    assert Path(world.config_file).read_bytes() == after


def test_the_record_holds_no_content_and_is_private(world: World, here: Places) -> None:
    place = Path(world.config_file)
    place.write_text(CONFIG + 'experimental_bearer_token = "jt_live_planted_secret"\n')
    fix = fix_for("wire-api-removed", look(world.invocation), {})
    assert fix.changes
    journal.record(fix.changes, "wire-api-removed", world.codex_home, here)
    record = here.data_dir / "mends.json"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert "planted" not in record.read_text()
    assert "planted" not in repr(fix)


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("model_provider = \n", "could then not read"),
        (CONFIG, "not remove the cause"),
        (CONFIG.replace("chat", "Chat"), "something else"),
        (CONFIG.replace('wire_api = "chat"', "request_max_retries = -1"), "something else"),
        (CONFIG.replace('"chat"', '"‹redacted›"'), "redacted"),
        (CONFIG.replace("chat", "responses"), None),
    ],
)
def test_what_codex_would_make_of_a_change_is_asked_first(world: World, new: str, why: str | None) -> None:
    change = Change(world.config_file, CONFIG.encode(), new.encode())
    found = objection(world, (change,), "wire-api-removed")
    assert (why is None and found is None) or (why is not None and why in (found or "")), found


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("a = “x” # “kept”\n", 'a = "x" # “kept”\n'),
        ("a = True\n", "a = true\n"),
        ("export A=1\n", "A=1\n"),
        ("a = 'x\"\n", 'a = "x"\n'),
        ("[a\nb = 1\n", "[a]\nb = 1\n"),
        ("a = 1,\r\nb = x\r\n", 'a = 1\r\nb = "x"\r\n'),
        ("a = 1\na = 2\n", None),  # which of the two was meant is not for us to say
        ("{\n", None),
        ("a = [1, 2\n", None),
    ],
)
def test_repairs_of_one_line(text: str, repaired: str | None) -> None:
    assert repair(text) == repaired


def test_what_is_no_file_is_never_waited_for_and_never_replaced(tmp_path: Path, here: Places) -> None:
    home = tmp_path / "codex"
    home.mkdir()
    pipe = tmp_path / "pipe"  # as a device would be: a link leads to it
    os.mkfifo(pipe)
    place = home / "config.toml"
    place.symlink_to(pipe)
    (tmp_path / ".zshrc").symlink_to(pipe)
    (home / ".env").symlink_to(pipe)
    found = look(
        Invocation((), {"HOME": str(tmp_path), "CODEX_HOME": str(home)}, tmp_path, "0.169.0", tmp_path / "etc")
    )
    first = found.problems[0]
    assert first.cause == "config-unreadable"
    assert f"path `{place}` is not a file" in (first.message or "")
    assert not fix_for("config-unreadable", found, dict(first.details)).automatic
    for old in (None, b""):
        with pytest.raises(RefusedError, match="is not a file"):
            planned(Change(str(place), old, CONFIG.encode()))
        with pytest.raises(RefusedError, match="is not a file"):
            apply((Change(str(place), old, CONFIG.encode()),), (Written(str(place), str(pipe), None, "", None),))
    for old in (None, b""):
        with pytest.raises(RefusedError, match="is not a file"):
            restore(Written(str(place), str(pipe), None, ""), old, CONFIG.encode())
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(one.name for one in home.iterdir()) == [".env", "config.toml"]
