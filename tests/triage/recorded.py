"""The recorded words of the real Codex with their causes, and the ways in which users paste them."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent.parent / "situations"
FILES = ("codex-0.169.0.json", "recorded-extra.json")


@dataclass(frozen=True, slots=True)
class Said:
    name: str
    words: str
    causes: frozenset[str]


def recorded(file: str) -> list[Said]:
    """Every failing situation of a file that has a cause: what Codex printed, its JSON lines where it printed no words."""
    return [
        Said(one["name"], one.get("says") or _json_lines(one.get("stdout") or ""), frozenset(one["causes"]))
        for one in json.loads((HERE / file).read_text(encoding="utf-8"))
        if one.get("works") is False and one.get("causes")
    ]


def _json_lines(stdout: str) -> str:
    return stdout.replace('} {"', '}\n{"') if '{"' in stdout else ""


def lines(words: str) -> str:
    """As it stood in the terminal: the recordings join lines by " | "."""
    return re.sub(r" \| ", "\n", words).replace("{PORT}", "8791").replace("{D}", "/home/ann")


def hard(words: str, width: int = 80) -> str:
    """Broken by a terminal, in the middle of words."""
    return "\n".join(line[i : i + width] for line in words.split("\n") for i in range(0, max(1, len(line)), width))


def soft(words: str, width: int = 80) -> str:
    """Broken by a mail program, between words."""
    return "\n".join(textwrap.fill(line, width, break_on_hyphens=False) for line in words.split("\n"))


def coloured(words: str) -> str:
    return "\n".join(f"\x1b[1m\x1b[31m{line[:5]}\x1b[0m{line[5:]}\x1b[K" for line in words.split("\n"))


def prompted(words: str) -> str:
    """Between a user's own words, Codex's banner and prompts."""
    return (
        'hi team, codex does not work since this morning :(\n\nann@mac ~ % codex exec "say hi"\nOpenAI Codex v0.169.0\n--------\n'
        "workdir: /home/ann/p\nmodel: auto\nprovider: joytoken\napproval: never\nsession id: 01a207cd\n--------\nuser\nsay hi\n"
        f"{words}\nann@mac ~ % \n\ncan you help? thanks, Ann"
    )


def quoted(words: str) -> str:
    return "\n".join(f"> {line}" for line in words.split("\n"))


def framed(words: str) -> str:
    return "\n".join(f"│ ■ {line:<76} │" for line in words.split("\n"))


PASTED: dict[str, Callable[[str], str]] = {
    "as recorded": lambda words: words,
    "broken at 80": lambda words: hard(lines(words)),
    "broken at 61": lambda words: hard(lines(words), 61),
    "coloured, broken at 80": lambda words: coloured(hard(lines(words))),
    "between prompts, broken": lambda words: prompted(hard(lines(words))),
    "in a mail, quoted, wrapped": lambda words: quoted(prompted(soft(lines(words)))),
    "in the TUI's frame": lambda words: framed(soft(lines(words), 72)),
    "CRLF": lambda words: prompted(lines(words)).replace("\n", "\r\n"),
}
CUT: dict[str, Callable[[str], str]] = {
    f"{part:.0%} of it, the {end} missing": (
        (lambda words, part=part: lines(words)[: int(len(lines(words)) * part)])
        if end == "end"
        else (lambda words, part=part: lines(words)[int(len(lines(words)) * (1 - part)) :])
    )
    for end in ("end", "beginning")
    for part in (0.9, 0.5)
}
