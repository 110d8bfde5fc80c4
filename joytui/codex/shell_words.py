"""A shell script taken apart: words as they are written, operators, lines. Bash, zsh and sh as far as start files use them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPERATORS = ("&&", "||", ";;&", ";;", ";&", "&>>", "&>", "<<<", "<<-", "<<", ">>", ">|", ">&", "<&", "<>", "|&")
_SINGLE = ";&|<>()"
REDIRECTIONS = ("<", ">", ">>", "<<", "<<-", "<<<", ">|", ">&", "<&", "<>", "&>", "&>>")
_HEREDOC = ("<<", "<<-")


class LostError(Exception):
    """The script cannot be followed from here on. `line`: where, 1-based."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Token:
    """A word as it is written, quotes and all, or an operator (a line end is "\\n")."""

    text: str
    line: int
    operator: bool = False


def tokens_of(script: str) -> list[Token]:
    """The whole script. Raises LostError if a quote or a bracket does not end."""
    return _Lexer(script).all()


def ends_word(text: str, at: int) -> int:
    """Where the word that begins at `at` ends. Raises ValueError if a quote or a bracket does not end."""
    start = at
    while at < len(text) and text[at] not in " \t\r\n;&|)":
        if text[at] in "<>" and not text.startswith("(", at + 1):
            break
        if text[at] == "(" and (at == start or text.startswith("()", at)):  # a group, the head of a function
            break
        at = _past(text, at)
    return at


def _past(text: str, at: int) -> int:
    """Where the quote, the substitution or the character at `at` ends."""
    char = text[at]
    if char == "\\":
        return min(at + 2, len(text))
    if char == "'":
        return _closed(text.find("'", at + 1)) + 1
    if char == '"':
        return _past_double(text, at + 1)
    if char == "`":
        return _closed(text.find("`", at + 1)) + 1
    if char == "$" and text.startswith("'", at + 1):
        return _past_ansi(text, at + 2)
    if char == "$" and text[at + 1 : at + 2] in ("(", "{"):
        return _past_bracket(text, at + 1)
    if char in "<>" and text.startswith("(", at + 1):
        return _past_bracket(text, at + 1)
    if char == "(":
        return _past_bracket(text, at)
    return at + 1


def _closed(at: int) -> int:
    if at < 0:
        raise ValueError("an unclosed quote")
    return at


def _past_double(text: str, at: int) -> int:
    while at < len(text):
        if text[at] == '"':
            return at + 1
        at = _past(text, at) if text[at] in "\\`" or text[at : at + 2] in ("$(", "${") else at + 1
    raise ValueError("an unclosed quote")


def _past_ansi(text: str, at: int) -> int:
    while at < len(text):
        if text[at] == "'":
            return at + 1
        at += 2 if text[at] == "\\" else 1
    raise ValueError("an unclosed quote")


def _past_bracket(text: str, at: int) -> int:
    opening = text[at]
    closing = ")" if opening == "(" else "}"
    at += 1
    while at < len(text):
        char = text[at]
        if char == closing:
            return at + 1
        if char == opening:
            at = _past_bracket(text, at)
        elif char == "#" and opening == "(" and text[at - 1] in " \t\n":
            at = _line_end(text, at)
        else:
            at = _past(text, at) if char in "\\'\"`$" else at + 1
    raise ValueError("an unclosed bracket")


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _past_blanks(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t"):
        at += 1
    return at


class _Lexer:
    def __init__(self, script: str) -> None:
        self._text = script.replace("\r\n", "\n")
        self._at = 0
        self._line = 1
        self._found: list[Token] = []
        self._heredocs: list[str] = []
        self._last_arithmetic = self._text.rfind("))")

    def all(self) -> list[Token]:
        while self._at < len(self._text):
            try:
                self._one()
            except (ValueError, RecursionError):
                raise LostError(self._line) from None
        self._add("\n", operator=True)
        return self._found

    def _one(self) -> None:
        text, at = self._text, self._at
        char = text[at]
        if char in " \t\r":
            self._at += 1
        elif text.startswith("\\\n", at):
            self._at += 2
            self._line += 1
        elif char == "#":
            self._at = _line_end(text, at)
        elif char == "\n":
            self._add("\n", operator=True)
            self._at += 1
            self._line += 1
            self._skip_heredocs()
        elif self._is_operator(text, at):
            self._operator()
        else:
            self._word()

    @staticmethod
    def _is_operator(text: str, at: int) -> bool:
        return text[at] in _SINGLE and not (text[at] in "<>" and text.startswith("(", at + 1))

    def _operator(self) -> None:
        text = self._text
        found = next((one for one in _OPERATORS if text.startswith(one, self._at)), text[self._at])
        if found == "(" and text.startswith("((", self._at) and self._at <= self._last_arithmetic:
            end = text.find("))", self._at)
            self._add("((", operator=False)
            self._line += text.count("\n", self._at, end)
            self._at = end + 2
            return
        self._add(found, operator=True)
        self._at += len(found)
        if found in _HEREDOC:
            begin = _past_blanks(text, self._at)
            self._heredocs.append(re.sub(r"[\\'\"\s]", "", text[begin : ends_word(text, begin)]))

    def _word(self) -> None:
        end = ends_word(self._text, self._at)
        if end == self._at:
            raise ValueError("no word")
        word = self._text[self._at : end]
        self._add(word, operator=False)
        self._line += word.count("\n")
        self._at = end

    def _skip_heredocs(self) -> None:
        for mark in self._heredocs:
            while self._at < len(self._text):
                end = _line_end(self._text, self._at)
                line = self._text[self._at : end].strip("\t ")
                self._at = min(end + 1, len(self._text))
                self._line += 1
                if line == mark:
                    break
        self._heredocs.clear()

    def _add(self, text: str, *, operator: bool) -> None:
        self._found.append(Token(text, self._line, operator))
