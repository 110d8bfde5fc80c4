"""The recorder reads what a Codex says: here one of a few lines, that stands for the real binary."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.record import keys, lists
from tests.record.__main__ import differences, newer, older, recorded_files, written
from tests.record.binary import Binary

HELP = """Commands:
  exec    Run Codex non-interactively [aliases: e]
  new-one  Something
Arguments:
  -m, --model <MODEL>
          Model the agent should use
      --color <COLOR>
          [possible values: always, never]
  -i, --image <FILE>...
"""
SCRIPT = f"""#!/bin/sh
case "$*" in
  "--help"|"exec --help") cat <<'END'
{HELP}END
  ;;
  *"--hidden=x --help") echo "error: unexpected value 'x' for '--hidden' found" >&2;;
  *"=x --help") echo "error: unexpected argument '${{1%%=*}}' found" >&2; echo "error: unexpected argument '${{2%%=*}}' found" >&2;;
  *" tool={{zz=1}} hi") echo 'Error: invalid type: map, expected a nonzero u64' >&2;;
  *" mode="*) printf 'unknown variant `zz`, expected `a` or `b`\\nin `mode`\\n' >&2;;
  *" other={{zz=1}} hi") echo 'unknown configuration field `other` in -c/--config override' >&2;;
esac
"""


@pytest.fixture
def binary(tmp_path: Path) -> Binary:
    command = tmp_path / "codex"
    command.write_text(SCRIPT, encoding="utf-8")
    command.chmod(0o755)
    return Binary(str(command), tmp_path)


def test_lists_of_help(binary: Binary) -> None:
    assert lists.subcommands(binary, []) == ["e", "exec", "new-one"]
    flags = lists.flags(binary, {"--hidden": {}, "--gone": {}})
    assert flags == {
        "--color": {"value": "COLOR", "choices": ["always", "never"]},
        "--hidden": {"listed": False},
        "--image": {"short": "-i", "value": "FILE", "many": True},
        "--model": {"short": "-m", "value": "MODEL"},
    }


def test_keys_by_trial(binary: Binary) -> None:
    schema = {"top": {"tool": "a nonzero u64", "other": "a string"}, "structs": {}}
    assert keys.absent(binary, schema) == ["other"]
    assert keys.added(binary, ["tool", "mode", "other"], schema)["top"] == {
        "tool": "a nonzero u64",
        "mode": {"enum": ["a", "b"]},
    }
    assert keys.refused(binary, "mode")
    assert not keys.refused(binary, "tool")


def test_differences_are_told_line_by_line() -> None:
    before = {"default_model": "a", "features": ["x", "y"], "flags": {"--old": {}}}
    after = {"default_model": "b", "features": ["y", "z"], "flags": {"--new": {}}}
    assert list(differences(before, after)) == [
        '~ default_model: "a" -> "b"', "- features: x", "+ features: z", "+ flags --new: {}", "- flags --old: {}",
    ]  # fmt: skip


def test_the_files_are_as_the_recorder_writes_them() -> None:
    import joytui.codex.versions

    folder = Path(joytui.codex.versions.__file__).parent
    files = recorded_files()
    assert {version: written(one) for version, one in files.items()} == {
        version: (folder / f"{version}.json").read_text(encoding="utf-8") for version in files
    }
    assert older(files, "0.94.0") == newer(files, "0.999.0") == {}
    assert newer(files, "0.94.0") == files["0.120.0"]
    assert older(files, "0.999.0") == list(files.values())[-1]
