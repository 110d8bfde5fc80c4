"""The errors that end a command, and its exit codes.

    JoytuiError                 what happened, where, what to do; rendered in one place (cli/output.py)
    ├── UsageError          2   the words of the command are off
    ├── SettingsError       2   a settings file does not hold (file:line)
    ├── UnreachableError    3   the gateway or the store cannot be reached
    └── RefusedError        1   it was reached, and the answer is bad news

Exit codes (the doctor has its own two first: 0 no cause, 1 a cause): 0 done and good, 1 bad news, 2 wrong usage,
3 gateway or store out of reach, 130 interrupted.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_BAD_NEWS = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130


class JoytuiError(Exception):
    """An error that a user can cause or meet: `what` happened, `where` (file:line, URL), and `hint`, what to do."""

    exit_code = EXIT_BAD_NEWS

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}" + (f"\n  hint: {self.hint}" if self.hint else "")


class UsageError(JoytuiError):
    """The words of the command are off."""

    exit_code = EXIT_USAGE


class SettingsError(JoytuiError):
    """A settings file does not hold; `where` is file:line."""

    exit_code = EXIT_USAGE


GATEWAY_THERE = "gateway-there"
"""Another gateway of joytui has the port or the store."""


class UnreachableError(JoytuiError):
    """`kind` is GATEWAY_THERE, or None if nobody decides by it."""

    exit_code = EXIT_UNREACHABLE

    def __init__(
        self, what: str, *, where: str | None = None, hint: str | None = None, kind: str | None = None
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.kind = kind


class RefusedError(JoytuiError):
    """`status` and `kind` (the error's type) are those of a gateway's answer, where one refused."""

    exit_code = EXIT_BAD_NEWS

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        status: int | None = None,
        kind: str | None = None,
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.status = status
        self.kind = kind
