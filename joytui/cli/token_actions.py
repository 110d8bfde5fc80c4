"""What `joytui tokens` and `joytui telemetry token` share: a new token is shown once; others are listed, found and revoked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from joytui.cli.columns import Column, emit_table
from joytui.cli.output import emit, emit_json, say
from joytui.core.errors import EXIT_OK, UsageError


class Token(Protocol):
    """A token as the console API describes it."""

    id: str
    name: str

    def model_dump(self) -> dict[str, Any]: ...


class NewToken(Token, Protocol):
    token: str


T = TypeVar("T", bound=Token)


def show_new(made: NewToken, as_json: bool, intro: str, usage: str) -> int:
    """The token alone on stdout, so that it can be piped; `intro` and `usage` on stderr."""
    if as_json:
        emit_json(made.model_dump())
        return EXIT_OK
    say(intro)
    emit(made.token)
    say(f"  {usage}")
    return EXIT_OK


def show_all(
    tokens: Sequence[T], as_json: bool, columns: Sequence[Column], row: Callable[[T], list[str]], none: str
) -> int:
    if as_json:
        emit_json({"tokens": [one.model_dump() for one in tokens]})
    elif tokens:
        emit_table(columns, [row(one) for one in tokens])
    else:
        say(none)
    return EXIT_OK


def show_revoked(one: Token, as_json: bool, text: str) -> int:
    if as_json:
        emit_json({"revoked": one.name})
    else:
        say(text)
    return EXIT_OK


def find_token(tokens: Sequence[T], text: str, kind: str, list_command: str) -> T:
    """The token with this id, or the only one with this name. Raises UsageError."""
    found = [one for one in tokens if one.id == text] or [one for one in tokens if one.name == text]
    if not found:
        raise UsageError(f"no {kind} is called {text[:80]!r}", hint=f"`{list_command}` lists them")
    if len(found) > 1:
        ids = " and ".join(one.id for one in found)
        raise UsageError(f"{ids} have the name {text[:80]!r}", hint="use the id")
    return found[0]
