"""The settings file as the console writes it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from joytui.core.plain_file import NotPlainError
from joytui.tui.settings import _write


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """JOYTUI_CONFIG_FILE=/dev/null is no reason to put a file there; here a pipe, by its name and through a link."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(NotPlainError):
            _write(tmp_path / name, "x")
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    _write(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "x"
