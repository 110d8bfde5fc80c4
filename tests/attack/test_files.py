"""Files that another put where joytui writes and reads: no link leads astray, nothing of another's is lost, nothing waits forever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from joytui.core.errors import JoytuiError, SettingsError
from joytui.core.sheet import Sheet
from joytui.gateway.settings import load_settings
from joytui.tui.export.exported import Exported
from joytui.tui.export.write import TakenError, free_name, write
from joytui.tui.settings import load, save
from joytui.tui.views import load_views

HOSTILE_CELLS = (
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\x1b]52;c;eA==\x07",
    "jt_live_Qw8zXc5vBn2mKj4h",
)
EXPORTED = Exported(
    "joytui-logs-2026-11-30", "logs", lambda: Sheet(("model",), [[cell] for cell in HOSTILE_CELLS]), list
)


def test_a_link_to_nothing_is_not_followed(tmp_path: Path) -> None:
    """In a folder of many, another's link with the name that the dialog offers led to any file of the user's that was not there."""
    here, home = tmp_path / "shared", tmp_path / "home"
    here.mkdir(), home.mkdir()
    (here / "joytui-logs-2026-11-30.csv").symlink_to(home / "authorized_keys")
    assert free_name(EXPORTED, "csv", here) == "joytui-logs-2026-11-30-2.csv"
    with pytest.raises(TakenError):
        write(EXPORTED, "csv", str(here / "joytui-logs-2026-11-30.csv"))
    assert list(home.iterdir()) == []


def test_no_name_beside_it_is_written_over(tmp_path: Path) -> None:
    """NAME.part was, also through a link."""
    victim, own = tmp_path / "victim", tmp_path / "b.csv.part"
    victim.write_text("mine")
    own.write_text("mine, too")
    (tmp_path / "a.csv.part").symlink_to(victim)
    for name in ("a.csv", "b.csv"):
        written = write(EXPORTED, "csv", str(tmp_path / name))
        assert written.stat().st_mode & 0o777 == 0o600
    assert (victim.read_text(), own.read_text()) == ("mine", "mine, too")
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "b.csv", "a.csv.part", "b.csv.part", "victim"}


def test_what_is_replaced_is_what_was_agreed_to(tmp_path: Path) -> None:
    """A link of the user's own stays one; a folder that is not there is not made; a pipe is not a file."""
    real = tmp_path / "real.csv"
    real.write_text("old")
    (tmp_path / "link.csv").symlink_to(real)
    os.mkfifo(tmp_path / "pipe.csv")
    write(EXPORTED, "csv", str(tmp_path / "link.csv"), replace=True)
    assert (tmp_path / "link.csv").is_symlink()
    assert real.read_text().startswith("model")
    for name in ("pipe.csv", "none/a.csv"):
        with pytest.raises(JoytuiError):
            write(EXPORTED, "csv", str(tmp_path / name), replace=name == "pipe.csv")
    assert not (tmp_path / "none").exists()


def test_no_cell_is_a_formula_a_sequence_or_a_key(tmp_path: Path) -> None:
    text = write(EXPORTED, "csv", str(tmp_path / "a.csv")).read_text()
    for line in text.split("\n")[1:-1]:
        assert line.lstrip('"')[:1] not in "=+-@\t\r", line
    assert "Qw8z" not in text
    assert "\x1b" not in text


DEEP = "a = " + "[" * 100_000


@pytest.mark.parametrize("kind", ["pipe", "device", "deep", "huge", "folder"])
def test_a_settings_file_that_is_none(tmp_path: Path, kind: str) -> None:
    """Read by the console and by the gateway: an error that names the file, and no waiting."""
    file = tmp_path / "joytui.toml"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "device":
        file = Path("/dev/zero")
    else:
        file.write_text(DEEP if kind == "deep" else "# a\n" * 500_000)
    for read in (load, load_views, lambda path: load_settings(path, {}), lambda path: save(path, {"ascii": True})):
        with pytest.raises(SettingsError) as told:
            read(file)
        assert str(file) in str(told.value.where)


def test_a_settings_file_written_beside_a_planted_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "joytui.toml.part").symlink_to(victim)
    save(tmp_path / "joytui.toml", {"ascii": True})
    assert victim.read_text() == "mine"
    assert load(tmp_path / "joytui.toml").ascii is True
