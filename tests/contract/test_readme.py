"""What the README and the guide tell to type is what the commands take, and every file that they show or link is there."""

from __future__ import annotations

import argparse
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from joytui.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "joytui" / "guide").glob("*.md"))]
MOST_LINES = 120


def commands_of(text: str) -> set[str]:
    """Every `joytui …` of a page: in shell blocks, behind a `$`, and between back quotes."""
    blocks = re.findall(r"```(?:sh|text)?\n(.*?)```", text, re.S)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`(joytui [^`\n]+)`", text)
    return {line.split("  #")[0].strip() for line in lines if line.startswith("joytui ")}


def told_commands() -> list[str]:
    return sorted(set[str]().union(*(commands_of(page.read_text(encoding="utf-8")) for page in PAGES)))


def test_the_readme_tells_commands() -> None:
    assert len(commands_of(README)) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_picture_stands_in_the_tree(page: Path) -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [name for name in linked if not (page.parent / name).exists()] == []


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.name)
def test_the_readme_leads_to_each_page_and_a_page_is_short(page: Path) -> None:
    assert f"(joytui/guide/{page.name})" in README
    assert len(page.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("line", told_commands())
def test_a_told_command_is_one_that_the_parser_takes(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    if words[0].startswith("-"):
        return
    assert words[0] in COMMANDS, line
    module = import_module(f"joytui.cli.{words[0]}_command")
    parser = argparse.ArgumentParser(prog=words[0], exit_on_error=False)
    module.configure(parser)
    given = words[1 : words.index("--")] if "--" in words else words[1:]
    parser.parse_args(given)


def test_the_readme_shows_the_screens() -> None:
    assert len(re.findall(r"\]\((screenshots/[^)]+)\)", README)) >= 4


def test_the_two_commands_are_marked() -> None:
    for mark in ("console-command", "test-command"):
        assert re.search(rf"<!-- {mark} -->\s*```sh\n[^\n]+\n```", README), mark


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_is_there_and_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from joytui.cli.main import main

    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: joytui {name}")
