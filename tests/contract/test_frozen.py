"""Whatever scripts rely on is there still: commands, options, exit codes, JSON, routes, files. More is welcome.

`python -m tests.contract.freeze` adds what is new to the files.
"""

from __future__ import annotations

from pathlib import Path

from tests.contract.reading import read_commands, read_product


def test_commands_and_options() -> None:
    assert [line for part in read_commands() for line in part.missing()] == []


def test_answers_exit_codes_routes_and_files(tmp_path: Path) -> None:
    parts = list(read_product(tmp_path))
    assert all(part.frozen for part in parts)
    assert [line for part in parts for line in part.missing()] == []
