"""Which shell a ticket comes from, where that is not bash or zsh: advice is then given in its words."""

from __future__ import annotations

import re

from joytui.codex.shell_commands import translated

_POWERSHELL = re.compile(
    r"\bPS [A-Z]:\\|\b[A-Z]:\\+(?:Users|Windows|Program)\b|\$env:[A-Za-z_]|\bPowerShell\b|\bcmd\.exe\b|\b(?:on|under) Windows\b|\bWindows 1[01]\b",
    re.I,
)
_WSL = re.compile(r"\bWSL\b|/mnt/[a-z]/", re.I)
_FISH = re.compile(r"\bset -g?x\w* \w+|config\.fish\b|\bfish shell\b|Welcome to fish", re.I)


def shell_of(text: str) -> str:
    """ "PowerShell", "fish", or "" where nothing of the kind is in the text."""
    if _POWERSHELL.search(text) and not _WSL.search(text):
        return "PowerShell"
    return "fish" if _FISH.search(text) else ""


def fitted(advice: str, text: str) -> str:
    """The advice in the words of the shell that the ticket shows."""
    shell = shell_of(text)
    return translated(advice, shell) if shell else advice
