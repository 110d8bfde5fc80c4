"""The scalar values of TOML 1.1 (numbers, booleans, dates) with the error texts of the Rust crate that Codex 0.169 uses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

_I64 = range(-(2**63), 2**63)
_RADIX = {"x": (16, "hexadecimal", re.compile(r"[0-9A-Fa-f_]*")), "o": (8, "octal", re.compile(r"[0-7_]*")), "b": (2, "binary", re.compile(r"[01_]*"))}  # fmt: skip
_NUMBER = re.compile(r"([+-]?)([0-9_]*)(\.[0-9_]*)?([eE][+-]?[0-9_]*)?")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_TIME = re.compile(r"(\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?")
_ZONE = re.compile(r"[Zz]|([+-])(\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value and how many characters of the token it took."""

    value: Any
    length: int


class ScalarError(Exception):
    """`at` is the offset in the token, `width` how many characters Codex underlines."""

    def __init__(self, message: str, at: int = 0, width: int = 1) -> None:
        super().__init__(message)
        self.message, self.at, self.width = message, at, width


def read_scalar(token: str) -> Scalar:
    """Reads a bare value from the start of a token (up to the next comma, bracket, comment or line end)."""
    if not token:
        raise ScalarError("string values must be quoted, expected literal string")
    if _DATE.match(token) or re.match(r"\d{2}:", token):
        return _moment(token)
    first = token[0]
    if first.isdigit() or first in "_." or (first in "+-" and token[1:2] and (token[1].isdigit() or token[1] in "_.")):
        return _number(token)
    return _word(token)


def _word(token: str) -> Scalar:
    known = {"true": True, "false": False, "nan": float("nan"), "inf": float("inf")}
    sign = token[:1] if token[:1] in "+-" else ""
    word = token[len(sign) :]
    if word in known and not (sign and word in ("true", "false")):
        value = known[word]
        return Scalar(-value if sign == "-" else value, len(token))
    if not sign:
        for start, name, wanted in (("t", "boolean", "true"), ("f", "boolean", "false"), ("n", "float", "nan"), ("i", "float", "inf")):  # fmt: skip
            if " " not in token and token.lower().startswith(start):
                raise ScalarError(f"invalid {name}, expected `{wanted}`", 0, len(token))
    raise ScalarError("string values must be quoted, expected literal string", 0, len(token))


def _number(token: str) -> Scalar:
    sign = token[0] if token[0] in "+-" else ""
    body = token[len(sign) :]
    if body[:1] == "0" and body[1:2].lower() in _RADIX and body[1:2]:
        return _radix(token, sign, body)
    if " " in token.strip() and not re.match(r"[+-]?[0-9._eE+-]+[ \t]", token):
        raise ScalarError("string values must be quoted, expected literal string", 0, len(token))
    found = _NUMBER.match(token)
    assert found is not None
    if found.end() < len(token):
        _trailing(token, found)
    whole, fraction, exponent = found[2], found[3], found[4]
    _underscores(token)
    if not whole:
        raise ScalarError("invalid mantissa, expected digits", len(sign))
    if fraction is not None and len(fraction) == 1:
        raise ScalarError("invalid fraction, expected digits", found.end(3))
    if exponent is not None and not exponent[-1].isdigit():
        raise ScalarError("invalid exponent, expected digits", found.end(4))
    if len(whole) > 1 and whole[0] == "0":
        raise ScalarError("unexpected leading zero, expected nothing", len(sign))
    plain = token[: found.end()].replace("_", "")
    if fraction is None and exponent is None:
        return Scalar(_bounded(int(plain), plain), found.end())
    value = float(plain)
    if value in (float("inf"), float("-inf")):
        raise ScalarError("floating-point number overflowed", 0, found.end())
    return Scalar(value, found.end())


def _trailing(token: str, found: re.Match[str]) -> None:
    rest = token[found.end() :]
    if rest[0] in " \t":
        raise ScalarError("string values must be quoted, expected literal string", 0, len(token))
    if found[3] is not None and rest[0] == ".":
        raise ScalarError("invalid float, expected nothing", found.end(), len(rest))
    raise ScalarError("string values must be quoted, expected literal string", 0, len(token))


def _underscores(token: str) -> None:
    for found in re.finditer("_", token):
        around = token[found.start() - 1 : found.start()] + token[found.end() : found.end() + 1]
        if len(around) < 2 or not around.isalnum():
            raise ScalarError("`_` may only go between digits, expected nothing", found.start())


def _radix(token: str, sign: str, body: str) -> Scalar:
    letter = body[1]
    if letter not in _RADIX:
        raise ScalarError(f"radix must be lowercase, expected `0{letter.lower()}`", 0, 2)
    if sign:
        raise ScalarError("integers with a radix cannot be signed, expected nothing")
    base, name, digits = _RADIX[letter]
    found = digits.match(body, 2)
    assert found is not None
    if found.end() < len(body):
        raise ScalarError(f"invalid {name} number", found.end())
    if not found[0]:
        raise ScalarError("integer number overflowed", 0, 2)
    _underscores(body[2:])
    return Scalar(_bounded(int(found[0].replace("_", ""), base), token), len(token))


def _bounded(value: int, shown: str) -> int:
    if value in _I64:
        return value
    if value < 2**64 and value > 0:
        raise ScalarError("u64 value was too large", 0, len(shown))
    wide = "i128" if -(2**127) <= value < 2**127 else "u128"
    raise ScalarError(f"invalid type: integer `{value}` as {wide}, expected any valid TOML value", 0, len(shown))


def _moment(token: str) -> Scalar:
    day = _DATE.match(token)
    if day is None:
        clock, at = _clock(token, 0)
        return Scalar(clock, at)
    found_day = _checked(lambda: date(int(day[1]), int(day[2]), int(day[3])), _date_fault(day), len(token))
    rest = token[day.end() :]
    if not rest or (rest[0] == " " and not re.match(r" \d{2}:", rest)):
        return Scalar(found_day, day.end())
    if rest[0] not in "Tt ":
        raise ScalarError("invalid datetime, expected nothing", day.end(), len(rest))
    clock, at = _clock(token, day.end() + 1)
    zone = _ZONE.match(token, at)
    if zone is None:
        return Scalar(datetime.combine(found_day, clock), at)
    if zone[1]:
        shift = timedelta(hours=int(zone[2]), minutes=int(zone[3])) * (1 if zone[1] == "+" else -1)
        offset = _checked(lambda: timezone(shift), "invalid offset, expected hour between 00 and 24", len(token))
    else:
        offset = timezone.utc  # noqa: UP017 - one kind of zone object for both forms
    return Scalar(datetime.combine(found_day, clock, offset), zone.end())


def _clock(token: str, start: int) -> tuple[time, int]:
    found = _TIME.match(token, start)
    if found is None:
        raise ScalarError("invalid time, expected hour", 0, len(token))
    fraction = int(((found[4] or ".0")[1:] + "000000")[:6])
    second = 59 if found[3] == "60" else int(found[3] or 0)  # Python's clock knows no leap second
    part = "hour between 00 and 23" if int(found[1]) > 23 else "minute between 00 and 59" if int(found[2]) > 59 else "second between 00 and 60"  # fmt: skip
    value = _checked(
        lambda: time(int(found[1]), int(found[2]), second, fraction), f"invalid time, expected {part}", len(token)
    )
    return value, found.end()


def _date_fault(day: re.Match[str]) -> str:
    if not 1 <= int(day[2]) <= 12:
        return "invalid date, expected month between 01 and 12"
    return "invalid date, expected day between 01 and 31"


def _checked(make: Any, message: str, width: int) -> Any:
    try:
        return make()
    except ValueError:
        raise ScalarError(message, 0, width) from None
