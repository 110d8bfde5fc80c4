"""Whatever scripts rely on is there still: commands, options, exit codes, JSON, routes, files. More is welcome.

`python -m tests.contract.freeze` adds what is new to the files.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.reading import Part, read_codex, read_commands, read_product


def test_commands_and_options() -> None:
    hold(*read_commands())


def test_answers_exit_codes_routes_and_files(tmp_path: Path) -> None:
    hold(*read_product(tmp_path))


@pytest.mark.codex
def test_answers_with_the_real_codex(tmp_path: Path) -> None:
    from tests.support.real_codex import codex

    hold(*read_codex(tmp_path, codex()))


def hold(*parts: Part) -> None:
    assert [part.name for part in parts if not part.frozen] == [], "not frozen yet"
    assert [line for part in parts for line in part.missing()] == []
