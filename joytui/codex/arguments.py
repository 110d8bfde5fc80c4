"""Understands what a user passes to `codex`: arguments alone, or a whole pasted `FOO=x codex exec … "prompt"` line.

Flags and their values are those of the version (codex/versions); what clap says about a wrong one was observed with 0.94.0,
0.140.0 and 0.169.0.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from joytui.codex.versions import Flag, Rules, flag_of
from joytui.codex.world import Command

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=", re.ASCII)
_PROFILE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_PROGRAM = re.compile(r"(?:.*/)?codex(?:\.js|\.exe|\.cmd)?(?:@[\w.-]+)?")
_LAUNCHERS = {"npx", "bunx", "pnpx", "command", "exec", "sudo", "env", "time", "-y", "--yes", "dlx"}

_EXEC = ("exec", "e")
PROMPT = "‹prompt›"
"""What a report shows for what a user asks Codex."""
_ASKS = ("", "exec", "resume", "fork", "review")
"""Subcommands whose words are a prompt ("": the console)."""


_REPEATED = ("--config", "--enable", "--disable", "--image", "--add-dir", "--help", "--version")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What clap (or Codex right after it) says about the arguments. `flag` is the argument that it is about."""

    flag: str
    message: str


@dataclass(slots=True)
class _Parsed:
    command: Command = field(default_factory=Command)
    refusals: list[Refusal] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    left: int = 0  # how many words came to be parsed; a flag like -hV becomes two
    prompt_at: list[int] = field(default_factory=list)  # which of them a user asks Codex
    late: list[Refusal] = field(default_factory=list)  # a wrong value, noticed when the next known flag comes

    def flush(self) -> None:
        self.refusals += self.late
        self.late.clear()

    def set(self, **changes: object) -> None:
        self.command = replace(self.command, **changes)  # type: ignore[arg-type]

    def add(self, name: str, value: str) -> None:
        self.set(**{name: (*getattr(self.command, name), value)})


def parse_arguments(args: Sequence[str], rules: Rules) -> tuple[Command, tuple[Refusal, ...]]:
    """The command that these arguments mean for this version of Codex, and what it would refuse, in its order."""
    given = _as_words(list(args))
    words, variables = _unwrapped([*given])
    parsed = _Parsed(left=len(words))
    parsed.set(env=variables)
    at, only_words = 0, False
    while at < len(words):
        word = words[at]
        at += 1
        if only_words or not word.startswith("-") or word == "-":
            if not _positional(parsed, word, rules) and (only_words or parsed.command.subcommand in _ASKS):
                parsed.prompt_at.append(at - 1 - (len(words) - parsed.left))
        elif word == "--":
            only_words = True
        else:
            at = _flag(parsed, word, words, at, rules)
    _finish(parsed)
    lead = len(given) - parsed.left
    shown = [PROMPT if at - lead in parsed.prompt_at else word for at, word in enumerate(given)]
    parsed.set(shown=tuple(shown) if given == list(args) else (" ".join(map(_quoted, shown)),))
    return parsed.command, tuple(parsed.refusals)


def _quoted(word: str) -> str:
    return word if word in (PROMPT, "$") else shlex.quote(word)


def _as_words(words: list[str]) -> list[str]:
    """A command line that was pasted as one word, as its words."""
    if len(words) == 1 and " " in words[0] and re.match(r"\s*(\$ )?([A-Za-z_]\w*=\S* )*(\S*/)?codex\s", words[0]):
        try:
            return shlex.split(words[0])
        except ValueError:
            return words[0].split()
    return words


def _unwrapped(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Takes a command line apart: `$ FOO=x npx @openai/codex exec …` -> the arguments and the assignments."""
    variables: dict[str, str] = {}
    at = 0
    while at < len(words) and (words[at] == "$" or words[at] in _LAUNCHERS or _ASSIGNMENT.match(words[at])):
        if _ASSIGNMENT.match(words[at]):
            name, _, value = words[at].partition("=")
            variables[name] = value
        at += 1
    if at < len(words) and _PROGRAM.fullmatch(words[at]):
        return words[at + 1 :], variables
    return words, {}


def _positional(parsed: _Parsed, word: str, rules: Rules) -> bool:
    """Takes a word that is not a flag; whether it is a subcommand."""
    if not parsed.words and not parsed.command.subcommand and word in rules.recorded.subcommands:
        parsed.set(subcommand="exec" if word in _EXEC else word)
        parsed.seen.clear()
        return True
    within_exec = not parsed.words and word in ("resume", "fork", "review")
    if within_exec:
        parsed.seen.clear()  # a subcommand of exec takes the same flags again
    parsed.words.append(word)
    return within_exec


_NOT_PASSED = ("--image", "--worktree", "--output-last-message", "--skip-git-repo-check")


def _flag(parsed: _Parsed, word: str, words: list[str], at: int, rules: Rules) -> int:
    end = _one_flag(parsed, word, words, at, rules)
    flag = flag_of(_split(word)[0], rules)
    if flag is None or (flag.where != "tui" and flag.name not in _NOT_PASSED):
        parsed.set(passed=(*parsed.command.passed, word, *words[at:end]))
    return end


def _split(word: str) -> tuple[str, str, str]:
    """The flag's name, what was given with it, and its value: "--x=1", "-x1"."""
    return word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])


def _one_flag(parsed: _Parsed, word: str, words: list[str], at: int, rules: Rules) -> int:
    name, given, inline = _split(word)
    flag = flag_of(name, rules)
    if flag is None or not _fits(flag, parsed.command):
        parsed.add("unknown", word)
        if parsed.command.subcommand in ("", "exec", "resume", "fork", "review"):
            parsed.refusals.append(Refusal(name, f"error: unexpected argument '{name}' found"))
        return at
    parsed.flush()
    if flag.name in parsed.seen and flag.name not in _REPEATED:
        shown = f"{flag.name} <{flag.value}>" if flag.value else flag.name
        parsed.refusals.append(Refusal(flag.name, f"error: the argument '{shown}' cannot be used multiple times"))
    parsed.seen.add(flag.name)
    value: str | None = None
    if flag.value:
        if given:
            value = inline.removeprefix("=")
        elif at < len(words) and (not words[at].startswith("-") or words[at] == "-"):
            value, at = words[at], at + 1
        else:
            text = f"error: a value is required for '{flag.name} <{flag.value}>' but none was supplied"
            parsed.refusals.append(Refusal(flag.name, text))
            return at
    elif given and word.startswith("--"):
        text = f"error: unexpected value '{inline}' for '{flag.name}' found; no more were expected"
        parsed.refusals.append(Refusal(flag.name, text))
    elif given:
        words.insert(at, "-" + given)  # -hV and the like
    if value == "" and flag.value in ("DIR", "FILE"):
        text = f"error: a value is required for '{flag.name} <{flag.value}>' but none was supplied"
        parsed.refusals.append(Refusal(flag.name, text))
    if flag.many:
        while at < len(words) - 1 and not words[at].startswith("-"):
            at += 1
    _apply(parsed, flag, value, rules)
    return at


def _fits(flag: Flag, command: Command) -> bool:
    # The doctor is asked about `codex`, and asks with `codex exec`: without a subcommand both kinds of flags are taken.
    return not (flag.where == "tui" and command.subcommand == "exec")


def _apply(parsed: _Parsed, flag: Flag, value: str | None, rules: Rules) -> None:
    if value is not None and flag.choices and value not in flag.choices:
        listed = ", ".join(flag.choices)
        text = f"error: invalid value '{value}' for '{flag.name} <{flag.value}>'\n  [possible values: {listed}]"
        parsed.late.append(Refusal(flag.name, text))
    if flag.name == "--profile" and value is not None and rules.checks_profile_flag and not _PROFILE.fullmatch(value):
        text = (
            f"error: invalid value '{value}' for '{flag.name} <{flag.value}>': invalid --profile value `{value}`; pass a plain "
            "name such as `work`"
        )
        parsed.late.append(Refusal(flag.name, text))
    single = {
        "--model": "model", "--profile": "profile", "--local-provider": "local_provider", "--cd": "cd",
        "--output-schema": "output_schema", "--sandbox": "sandbox", "--output-last-message": "last_message",
        "--remote": "remote", "--remote-auth-token-env": "remote_token_variable",
    }  # fmt: skip
    switches = {
        "--oss": "oss", "--ignore-user-config": "ignore_user_config", "--ignore-rules": "ignore_rules", "--trust": "trust", "--strict-config": "strict_config", "--json": "json",
        "--experimental-json": "json", "--version": "version",
    }  # fmt: skip
    parsed.add("flags", flag.name)
    if flag.name == "--config":
        parsed.add("overrides", value or "")
    elif flag.name in ("--enable", "--disable"):
        parsed.add(flag.name[2:], value or "")
    elif flag.name in single:
        parsed.set(**{single[flag.name]: value})
    elif flag.name in switches:
        parsed.set(**{switches[flag.name]: True})


def _finish(parsed: _Parsed) -> None:
    command = parsed.command
    late = list(parsed.late)
    parsed.late.clear()
    if parsed.words and command.subcommand in ("", "exec"):
        parsed.set(prompt=parsed.words[0])
        if (
            len(parsed.words) > 1
            and command.subcommand == "exec"
            and parsed.words[0] not in ("resume", "fork", "review", "help")
        ):
            extra = parsed.words[1]
            parsed.refusals.append(Refusal(extra, f"error: unexpected argument '{extra}' found"))
    parsed.refusals += late
