"""Broken, refused by the real Codex 0.169; `joytui doctor --fix --yes`; and the same real Codex answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixing.broken import BROKEN, Broken
from tests.support.codex_run import Done, Hopeless, bounded
from tests.support.joytui_process import Machine
from tests.support.real_codex import codex

pytestmark = pytest.mark.codex

# Faults that Codex meets before it speaks to anyone, or that end at our gateway: none of them reaches the Internet.
CHOSEN = (
    "wire_chat", "wire_case", "smart_quotes", "unclosed_header", "utf16", "number_in_quotes", "strict_typo", "undefined",
    "reserved", "empty_name", "no_catalog", "no_model", "path_twice", "env_key_dash", "env_key_dollar", "dotenv", "legacy_flag",
)  # fmt: skip


@pytest.mark.parametrize("broken", [one for one in BROKEN if one.name in CHOSEN], ids=lambda one: one.name)
def test_the_real_codex_works_after_the_fix(
    broken: Broken, machine: Machine, home: Path, lay: Callable[[Broken], Path]
) -> None:
    machine.env["PATH"] = f"{Path(codex()).parent}:/usr/local/bin:/usr/bin:/bin"
    (machine.folder / "work").mkdir()
    lay(broken)
    refused = turn(machine, broken)
    assert refused.exit_code != 0, refused.stdout

    mended = machine.run("doctor", "--fix", "--yes", "--json", "--", *broken.args)
    assert (mended.code, json.loads(mended.out)["verdict"]["works"]) == (0, True), mended.err
    answered = turn(machine, broken)
    assert answered.exit_code == 0, answered.stderr
    assert answered.stdout.strip()


def turn(machine: Machine, broken: Broken) -> Done:
    command = [codex(), "exec", "--skip-git-repo-check", *broken.args, "say hi"]
    return bounded(command, machine.env, machine.folder / "work", 40, stop=Hopeless())
