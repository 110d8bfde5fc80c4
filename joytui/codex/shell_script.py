"""Follows a start file of bash, zsh or sh without running it: assignments, exports, sourced files, conditions.

Nothing is executed: what only the shell could compute is noted as such (`ShellState.open`, `.beyond`). Bounded in files, size, depth
and steps, and it never raises.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from joytui.codex.shell_state import ShellState, expanded, is_name
from joytui.codex.shell_tests import found_on_path, matches, tested
from joytui.codex.shell_words import REDIRECTIONS, LostError, Token, tokens_of

Mode = Literal["run", "maybe", "skip"]
_MAX_STEPS = 20_000
_MAX_DEPTH = 30
_MAX_TURNS = 100
_MAX_LEVELS = 2
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=(.*)", re.S | re.ASCII)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\\.", re.S)
_PATTERN = re.compile(r"[*?\[]")
_DECLARE = ("export", "declare", "typeset", "readonly", "local", "integer")
_ENDS = ("then", "do", "done", "fi", "else", "elif", "esac", "}", ")", ";;", ";&", ";;&")


class _Left(Exception):
    """`return` or `exit`. `all`: the shell itself ends, or becomes another program."""

    def __init__(self, all: bool) -> None:
        super().__init__()
        self.all = all


def follow(files: Sequence[Path], state: ShellState) -> None:
    """Reads the files in this order into the state."""
    reader = _Reader(state)
    try:
        for file in files:
            reader.read(file, "run")
    except _Left:
        return


class _Reader:
    """The budget and the nesting of one shell's start."""

    def __init__(self, state: ShellState) -> None:
        self.state = state
        self.steps = 0
        self.depth = 0

    def read(self, file: Path, mode: Mode) -> None:
        """One file, as `source` does. Raises _Left if the whole shell ends."""
        if self.depth >= _MAX_DEPTH or mode == "skip":
            return
        text = self.state.read(file)
        if text is None:
            return
        self.depth += 1
        try:
            self._script(text, str(file), mode)
        except _Left as left:
            if left.all:
                raise
        finally:
            self.depth -= 1

    def _script(self, text: str, name: str, mode: Mode) -> None:
        try:
            tokens = tokens_of(text)
            _Script(self, tokens, name).whole(mode)
        except (LostError, RecursionError) as error:
            line = error.line if isinstance(error, LostError) else 1
            self.state.note_beyond(f"{name}:{line}")
            self._named_only(text, name, line)

    def _named_only(self, text: str, name: str, first: int) -> None:
        """The rest of a file that cannot be followed: its assignments may happen."""
        for number, line in enumerate(text.splitlines(), 1):
            found = re.match(r"\s*(export\s+)?([A-Za-z_]\w*)=", line, re.ASCII)
            if number >= first and found:
                self.state.set(found[2], None, f"{name}:{number}", export=bool(found[1]), maybe=True)


class _Script:
    """One file's tokens, followed from left to right. Every method returns how the command ended: True, False, None (unknown)."""

    def __init__(self, reader: _Reader, tokens: list[Token], name: str) -> None:
        self.reader = reader
        self.state = reader.state
        self.tokens = tokens
        self.name = name
        self.at = 0
        self.certain: Mode = "run"  # "maybe" behind a return that reading cannot decide
        self.functions: dict[str, int] = {}
        self.calls = 0

    def whole(self, mode: Mode) -> None:
        self.certain = mode
        while self.at < len(self.tokens):
            self._list("run", ())
            if self.at < len(self.tokens):  # a stray end: the shell would stop here
                raise LostError(self.tokens[self.at].line)

    # --- tokens

    def _peek(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _is(self, *texts: str) -> bool:
        token = self._peek()
        return token is not None and token.text in texts

    def _take(self, text: str) -> None:
        self._blank()
        if not self._is(text):
            raise LostError(self.tokens[min(self.at, len(self.tokens) - 1)].line)
        self.at += 1

    def _blank(self) -> None:
        while self._is("\n", ";"):
            self.at += 1

    def _where(self, token: Token) -> str:
        return f"{self.name}:{token.line}"

    def _mode(self, mode: Mode) -> Mode:
        return "maybe" if mode == "run" and self.certain == "maybe" else mode

    # --- lists

    def _list(self, mode: Mode, ends: Sequence[str]) -> bool | None:
        """Commands until one of `ends` stands where a command would begin (not taken)."""
        status: bool | None = True
        while True:
            while self._is("\n", ";", "&"):
                self.at += 1
            token = self._peek()
            if token is None or token.text in ends or token.text in _ENDS:
                return status
            status = self._and_or(mode)

    def _and_or(self, mode: Mode) -> bool | None:
        status = self._pipeline(mode)
        while self._is("&&", "||"):
            wanted = self._is("&&")
            self.at += 1
            self._newlines()
            if status is None:
                after = self._pipeline("maybe" if mode != "skip" else "skip")
                status = None if after is not None else after
            elif status is wanted:
                status = self._pipeline(mode)
            else:
                self._pipeline("skip")
        return status

    def _newlines(self) -> None:
        while self._is("\n"):
            self.at += 1

    def _pipeline(self, mode: Mode) -> bool | None:
        turned = False
        while self._is("!"):
            turned, self.at = not turned, self.at + 1
        start = self.at
        status = self._command(mode if not self._is_piped() else "skip")
        while self._is("|", "|&"):
            self.at += 1
            self._newlines()
            here = self.state.flavour == "zsh" and not self._is_piped()  # zsh runs the last one in this shell
            self._command(mode if here else "skip")
            status = None
        if self.at == start:
            raise LostError(self.tokens[start].line)
        return (not status) if turned and status is not None else status

    def _is_piped(self) -> bool:
        """Whether this simple command is the first of a pipe: it runs in its own shell."""
        for token in self.tokens[self.at : self.at + 200]:
            if token.operator and token.text in ("|", "|&"):
                return True
            if token.operator and token.text in ("\n", ";", "&&", "||", "&", ";;", ")"):
                return False
        return False

    # --- commands

    def _command(self, mode: Mode) -> bool | None:
        self.reader.steps += 1
        token = self._peek()
        if token is None or self.reader.steps > _MAX_STEPS:
            raise LostError(token.line if token else 1)
        compound = {
            "if": self._if, "case": self._case, "for": self._for, "select": self._for, "while": self._while, "until": self._while,
            "{": self._group, "(": self._subshell, "((": self._arithmetic, "[[": self._double, "function": self._function,
        }.get(token.text)  # fmt: skip
        if compound is not None and (not token.operator or token.text == "("):
            status = compound(mode)
            self._redirections()
            return status
        if token.operator and token.text not in REDIRECTIONS:
            raise LostError(token.line)
        following = self.tokens[self.at + 1 : self.at + 3]
        if [one.text for one in following if one.operator] == ["(", ")"]:
            return self._function(mode)
        return self._simple(mode)

    def _redirections(self) -> None:
        while (token := self._peek()) and token.operator and token.text in REDIRECTIONS:
            self.at += 2

    def _if(self, mode: Mode) -> bool | None:
        done: bool | None = False  # whether an earlier branch was taken
        while not self._is("fi"):
            if self._is("if", "elif"):
                self.at += 1
                met = self._list(self._after(mode, done), ("then",))
                self._take("then")
            else:
                self._take("else")
                met = True
            self._list(self._branch(mode, done, met), ("elif", "else", "fi"))
            done = True if done or met is True else (None if done is None or met is None else False)
            self._blank()
            if self._peek() is None:
                raise LostError(self.tokens[-1].line)
        self.at += 1
        return None

    @staticmethod
    def _after(mode: Mode, done: bool | None) -> Mode:
        return "skip" if mode == "skip" or done is True else ("maybe" if done is None else mode)

    def _branch(self, mode: Mode, done: bool | None, met: bool | None) -> Mode:
        before = self._after(mode, done)
        return "skip" if met is False else ("maybe" if met is None and before != "skip" else before)

    def _case(self, mode: Mode) -> bool | None:
        self.at += 1
        subject = self._word()
        value = expanded(subject.text, self.state)
        self._take("in")
        done: bool | None = False
        self._blank()
        while not self._is("esac"):
            met = matches(value, self._patterns(), self.state)
            self._list(self._branch(mode, done, met), (";;", ";&", ";;&", "esac"))
            done = True if done or met is True else (None if done is None or met is None else False)
            if self._is(";;", ";&", ";;&"):
                self.at += 1
            self._blank()
        self.at += 1
        return None

    def _patterns(self) -> list[str]:
        found = []
        while not self._is(")"):
            token = self._peek()
            if token is None or token.text == "\n":
                raise LostError(token.line if token else self.tokens[-1].line)
            found += [] if token.operator else [token.text]
            self.at += 1
        self.at += 1
        return found

    def _word(self) -> Token:
        token = self._peek()
        if token is None or token.operator:
            raise LostError(token.line if token else self.tokens[-1].line)
        self.at += 1
        return token

    def _for(self, mode: Mode) -> bool | None:
        self.at += 1
        name = self._word()
        values = self._values()
        self._blank()
        closing = "}" if self._is("{") else "done"
        self._take("{" if self._is("{") else "do")
        body = self.at
        for value in values[:_MAX_TURNS] if mode != "skip" else ():
            if is_name(name.text):
                self.state.set(name.text, value, self._where(name), maybe=self._mode(mode) == "maybe" or value is None)
            self.at = body
            self._list(mode if value is not None else "maybe", (closing,))
        self.at = body
        self._list("skip", (closing,))
        self._take(closing)
        return None

    def _values(self) -> list[str | None]:
        """The words of a loop, patterns of files among them."""
        if not self._is("in"):
            while not self._is("do", "{") and self._peek() is not None:
                self.at += 1
            return [None]
        self.at += 1
        found: list[str | None] = []
        while (token := self._peek()) and not token.operator and token.text not in ("do", "{"):
            value = expanded(token.text, self.state)
            if value is not None and _PATTERN.search(_QUOTED.sub("", token.text)):
                found += _files_of(re.sub(r"\(N\)$", "", str(self.state.path(value))))
            else:
                found += [value]
            self.at += 1
        return found

    def _while(self, mode: Mode) -> bool | None:
        self.at += 1
        self._list("skip", ("do",))
        self._take("do")
        self._list("maybe" if mode != "skip" else "skip", ("done",))
        self._take("done")
        return None

    def _group(self, mode: Mode) -> bool | None:
        self.at += 1
        status = self._list(mode, ("}",))
        self._take("}")
        return status

    def _subshell(self, mode: Mode) -> bool | None:
        self.at += 1
        self._list("skip", (")",))
        self._take(")")
        return None

    def _arithmetic(self, mode: Mode) -> bool | None:
        self.at += 1
        return None

    def _double(self, mode: Mode) -> bool | None:
        start = self.at = self.at + 1
        while not self._is("]]"):
            token = self._peek()
            if token is None:
                raise LostError(self.tokens[-1].line)
            self.at += 1
        words = [token.text for token in self.tokens[start : self.at] if token.text != "\n"]
        self.at += 1
        return tested(words, self.state, double=True)

    def _function(self, mode: Mode) -> bool | None:
        if self._is("function"):
            self.at += 1
        name = self._word()
        while self._is("(", ")", "\n"):
            self.at += 1
        if mode != "skip":
            self.functions[name.text] = self.at
        self._command("skip")
        return True

    # --- simple commands

    def _simple(self, mode: Mode) -> bool | None:
        words: list[Token] = []
        while (token := self._peek()) and (not token.operator or token.text in REDIRECTIONS):
            if token.text == "}" and self.state.flavour == "zsh":  # which needs no line end before it
                break
            if token.operator:
                self.at += 2
                continue
            if not words or not (token.text.isdigit() and self._next_is_redirection()):
                words.append(token)
            self.at += 1
        if self._is("("):  # not a head of a function: zsh's patterns and the like
            raise LostError(self.tokens[self.at].line)
        mode = self._mode(mode)
        if mode == "skip" or not words:
            return None
        before = list(_leading(words))
        words = words[len(before) :]
        if not words:
            for token, found in before:
                self._assign(token, found, export=False, maybe=mode == "maybe")
            return True
        return self._run(words[0].text, words[0], words[1:], mode)

    def _next_is_redirection(self) -> bool:
        following = self.tokens[self.at + 1 : self.at + 2]
        return bool(following) and following[0].operator and following[0].text in REDIRECTIONS

    def _assign(self, token: Token, found: re.Match[str], *, export: bool, maybe: bool) -> None:
        name, adds, raw = found[1], found[2], found[3]
        value = None if raw.startswith("(") else expanded(raw, self.state)
        if adds:
            before = self.state.get(name)
            value = None if before is None or value is None else before + value
        self.state.set(name, value, self._where(token), export=export, maybe=maybe)

    def _run(self, command: str, first: Token, rest: Sequence[Token], mode: Mode) -> bool | None:
        state, where, maybe = self.state, self._where(first), mode == "maybe"
        texts = [token.text for token in rest]
        if command in _DECLARE:
            self._declare(command, rest, maybe)
        elif command == "unset":
            for name in texts:
                state.unset(name, where, maybe=maybe)
        elif command in ("set", "setopt") and not maybe:
            self._options(texts)
        elif command in (".", "source"):
            return self._source(texts, where, mode)
        elif command in ("return", "exit", "exec", "logout"):
            self._leave(command, texts, where, maybe)
        elif command in ("[", "test"):
            return tested(texts[:-1] if texts[-1:] == ["]"] else texts, state, double=False)
        elif command in (":", "true", "false"):
            return command != "false"
        elif command in ("command", "type", "which", "hash", "whence"):
            return found_on_path([text for text in texts if not text.startswith("-")], state)
        elif command == "shopt" and texts[:2] == ["-q", "login_shell"]:
            return state.login
        elif command in ("eval", "emulate"):
            state.note_beyond(where) if command == "eval" else None
        elif command == "read":
            for name in filter(is_name, texts):
                state.set(name, None, where, maybe=maybe)
        elif command in self.functions:
            self._call(command, mode)
        return None

    def _declare(self, command: str, rest: Sequence[Token], maybe: bool) -> None:
        options = "".join(token.text[1:] for token in rest if token.text.startswith("-"))
        exports = (command == "export" or "x" in options) and not (command == "export" and "n" in options)
        if "f" in options:
            return
        for token in rest:
            found = _ASSIGNMENT.fullmatch(token.text)
            if found:
                self._assign(token, found, export=exports, maybe=maybe)
            elif exports and is_name(token.text):
                self.state.export(token.text, self._where(token), maybe=maybe)
            elif command == "export" and "n" in options and not maybe:
                self.state.exported.discard(token.text)

    def _options(self, texts: Sequence[str]) -> None:
        joined = " ".join(texts)
        if re.search(r"(?:^|\s)-\w*a|-o allexport|^allexport", joined):
            self.state.allexport = True
        elif re.search(r"(?:^|\s)\+\w*a|\+o allexport", joined):
            self.state.allexport = False

    def _source(self, texts: Sequence[str], where: str, mode: Mode) -> bool | None:
        name = expanded(texts[0], self.state) if texts else None
        if name is None:
            self.state.note_beyond(where)
            return None
        path = self.state.path(name)
        if not os.path.isfile(path):  # Path.is_file raises for a name that is too long, and in a folder that is closed
            return False
        self.reader.read(path, mode)
        return True

    def _leave(self, command: str, texts: Sequence[str], where: str, maybe: bool) -> None:
        if command == "exec" and not texts:
            return  # redirections of this shell
        if command == "exec":
            self.state.note_beyond(where)
        if maybe:
            self.certain = "maybe"
            return
        raise _Left(all=command != "return")

    def _call(self, name: str, mode: Mode) -> None:
        if self.calls >= _MAX_DEPTH:
            return
        back, self.at, self.calls = self.at, self.functions[name], self.calls + 1
        try:
            self._command(mode)
        except _Left as left:
            if left.all:
                raise
        finally:
            self.at, self.calls = back, self.calls - 1


def _files_of(pattern: str) -> list[str | None]:
    """The files of a pattern; one that would go through much of the disk is for the shell to answer."""
    if sum(bool(_PATTERN.search(part)) for part in pattern.split("/")) > _MAX_LEVELS:
        return [None]
    return [*sorted(glob.glob(pattern))]


def _leading(words: Sequence[Token]) -> Iterator[tuple[Token, re.Match[str]]]:
    """The assignments before a command."""
    for token in words:
        found = _ASSIGNMENT.fullmatch(token.text)
        if found is None:
            return
        yield token, found
