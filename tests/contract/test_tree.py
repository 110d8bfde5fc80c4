"""The shape of the tree, and what may not stand in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.support.needs import lacking

ROOT = Path(__file__).parents[2]
TOP_LEVEL = {"pyproject.toml", "README.md", "joytui", "tests", "screenshots", ".ci", ".gitignore", "LICENSE"}


def tracked_files() -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0 or not done.stdout:
        lacking("a git checkout", "git clone the project, and apt-get install git")
    return [name for name in done.stdout.split("\0") if name]


def test_the_top_level_holds_what_the_layout_names_and_nothing_else() -> None:
    assert {name.split("/")[0] for name in tracked_files()} <= TOP_LEVEL


def test_no_file_names_a_machine_path_or_a_registry() -> None:
    forbidden = re.compile(
        rb"/work/(main|shared)|\.\./shared|/tmp/(venv|codex|brief)|pypi\.org/simple|registry\.npmjs\.org/-"
    )
    wrong = []
    for name in tracked_files():
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".json", ".tcss", ".css", ""} and path.is_file():
            if name == "tests/contract/test_tree.py":
                continue
            if match := forbidden.search(path.read_bytes()):
                wrong.append(f"{name}: {match.group().decode()}")
    assert not wrong, wrong


def test_no_public_code_path_is_a_stub() -> None:
    wrong = []
    for path in (ROOT / "joytui").rglob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if "raise NotImplementedError" in line or re.search(r"#\s*(TODO|FIXME|XXX)\b", line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not wrong, "\n".join(wrong)
