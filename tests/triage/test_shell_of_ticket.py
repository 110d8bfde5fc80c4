"""Advice in the words of the shell that a ticket comes from."""

from __future__ import annotations

import pytest

from joytui.codex.shell_commands import words_of
from joytui.doctor.triage import triage
from joytui.doctor.triage.shell_of_ticket import shell_of

SAID = "ERROR: Missing environment variable: `JOY_TOKEN_API_KEY`."
NEVER_ON_WINDOWS = ("${#", "~/.zshrc", "source ", "grep")


@pytest.mark.parametrize(
    "ticket",
    [f'PS C:\\Users\\me> codex exec "hi"\n{SAID}', f"I use PowerShell.\n{SAID}", f"$env:JOY_TOKEN_API_KEY='x'\n{SAID}"],
)
def test_a_ticket_from_windows_is_asked_in_powershells_words(ticket: str) -> None:
    answer = triage(ticket, ())
    said = answer.ask + answer.reply + answer.candidates[0].remedy
    assert "$env:JOY_TOKEN_API_KEY.Length" in answer.ask
    assert [word for word in NEVER_ON_WINDOWS if word in said] == []


def test_a_ticket_from_fish() -> None:
    answer = triage(f"set -gx JOY_TOKEN_API_KEY x\n{SAID}", ())
    assert "string length -- $JOY_TOKEN_API_KEY" in answer.ask
    assert "config.fish" in answer.candidates[0].remedy


@pytest.mark.parametrize("ticket", [SAID, f"me@host:~$ codex\n{SAID}"])
def test_others_are_asked_as_ever(ticket: str) -> None:
    assert shell_of(ticket) == shell_of(f"WSL on Windows 11\n{ticket}") == ""
    assert "${#JOY_TOKEN_API_KEY}" in triage(ticket, ()).ask


@pytest.mark.parametrize(
    ("env", "line"),
    [
        ({"SHELL": "/bin/zsh"}, "export K='v'"),
        ({"SHELL": "/usr/bin/fish"}, "set -gx K 'v'"),
        ({"OS": "Windows_NT"}, "$env:K = 'v'"),
        ({"OS": "Windows_NT", "SHELL": "/usr/bin/bash.exe"}, "export K='v'"),
        ({}, "export K='v'"),
    ],
)
def test_how_a_variable_is_set_here(env: dict[str, str], line: str) -> None:
    assert words_of(env).set("K", "'v'") == line


@pytest.mark.parametrize("env", [{"SHELL": "/usr/bin/fish"}, {"OS": "Windows_NT"}])
def test_no_words_of_bash_are_told_elsewhere(env: dict[str, str]) -> None:
    words = words_of(env)
    told = [
        words.set("K", "v"),
        words.unset("K"),
        words.edit("/a b/c"),
        words.added("K", "x"),
        words.without_breaks("K"),
        words.read_in("f"),
    ]
    assert [one for one in told if "${" in one or "export " in one or "unset " in one] == []
