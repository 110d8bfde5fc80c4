"""The one redaction: no key, whole or in part, leaves joytui by a log, a report, a screen or a store.

Two means, used together: the secrets that are known (`Redactor(secrets)`), found verbatim; and the shapes of secrets
(bearer tokens, `sk-…`, `jt_…`, userinfo in URLs, assignments to names like API_KEY), for what nobody told us about.

What comes from outside and is kept comes through one door, `clean`. What it gives is a `Clean`, and the ledger's records take
nothing else, so that mypy refuses a text that did not pass.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NewType

if TYPE_CHECKING:
    from joytui.core.echo import Echo

MASK = "‹redacted›"

SECRET_WORDS = r"api[_\-]?key|secret|passw(?:or)?d|(?:access|auth|bearer)[_\-]?token"  # noqa: S105 (words, no secret)
"""What the name of a secret ends with, as an alternation without regard to case."""

_URL_SAFE = r"[A-Za-z0-9_\-]"
_OWN_VALUE = (
    r"\$\{[A-Za-z_]\w*(?:#\*[^}\"\s]{0,8} ?)?\}(?:[\"'\s]|$)|\$\(printf %s \"\$[A-Za-z_]\w*\" \| (?:tr -d|sed) "
)
"""A shell's words for a variable's own value, or for a part of it: they show nothing of it."""
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b(bearer|basic|token)(\s+)(?=\S*[0-9_\-.~+/=])[A-Za-z0-9._~+/\-]{8,}=*"), rf"\1\2{MASK}"),
    (re.compile(r"(?i)(://)[^/\s@:'\"<>]*:[^/\s@'\"<>]*@"), rf"\1{MASK}@"),
    (re.compile(rf"\bjt_(?!xxx\b)(?!local_{_URL_SAFE}{{0,3}}…){_URL_SAFE}{{6,}}"), MASK),
    (re.compile(rf"\bjt[ct]_{_URL_SAFE}{{20,}}"), MASK),
    (re.compile(rf"\bsk-{_URL_SAFE}{{8,}}"), MASK),
    (
        re.compile(
            r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|gl(?:pat|rt|dt)-[\w\-]{16,}|xox[abeprs]-[A-Za-z0-9-]{10,}"
            r"|AKIA[0-9A-Z]{16}|AIza[\w\-]{30,}|ya29\.[\w\-]{20,}|[spr]k_(?:live|test)_[A-Za-z0-9]{8,}|whsec_\w{16,}"
            r"|hf_[A-Za-z0-9]{16,}|npm_[A-Za-z0-9]{20,}|pypi-[\w\-]{16,}|ntn_[A-Za-z0-9]{16,}|gsk_[A-Za-z0-9]{16,}"
            r"|xai-[A-Za-z0-9]{16,}|nvapi-[\w\-]{16,}|dop_v1_\w{20,}|shp(?:at|ss|ca)_\w{16,})"
        ),
        MASK,
    ),
    (re.compile(r"\beyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]{4,}"), MASK),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S), MASK),
    (
        re.compile(
            rf"(?i)([\w\-.]{{0,40}}(?:{SECRET_WORDS})"
            r"[\"']?\s*[=:]\s*(?:\[\s{0,8})?[\"']?)(?![\"'\s\[]|env\b|‹)"
            rf"(?!{_OWN_VALUE})[^\s\"',;}}&]{{6,}}"
        ),
        rf"\1{MASK}",
    ),
)
_KEYS = re.compile(
    rf"\bjt_(?!xxx\b)(?!local_{_URL_SAFE}{{0,3}}…){_URL_SAFE}{{8,}}|\bsk-{_URL_SAFE}{{12,}}"
    r"|\b(?:gh[pousr]_[A-Za-z0-9]{20,}|xox[abpr]-[A-Za-z0-9-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w\-]{30,}|eyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]{4,})"
    r"|(?i:\bbearer\s+)(?=\S*\d)[A-Za-z0-9._~+/\-]{16,}"
)
_SECRET_NAME = re.compile(rf"(?i)(?:{SECRET_WORDS}|(?:^|[_\-.])token|authorization)$")
_MAYBE_SECRET_NAME = re.compile(
    r"key|secret|passw|passphrase|passcode|pwd|_pw$|token|auth(?!or(?:_|$))|credential|cookie|session|bearer|private"
    r"|signature|salt|pin$|dsn|webhook|connection|conn_str|license|otp|jwt|hmac|nonce|cert$",
    re.I,
)
_SURELY_NOT = re.compile(
    r"^(?:XDG_|SSH_AUTH_SOCK|SESSION_MANAGER|DBUS_|DESKTOP_SESSION$|XAUTHORITY$|PWD$|OLDPWD$)", re.I
)
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


def fingerprint(secret: str | bytes) -> str:
    """How the doctor tells keys apart: the length and 8 hex digits of the SHA-256, for example "24 bytes, #1a2b3c4d"."""
    data = secret.encode("utf-8", "surrogateescape") if isinstance(secret, str) else secret
    return f"{len(data)} bytes, #{hashlib.sha256(data).hexdigest()[:8]}"


def is_secret_name(name: str) -> bool:
    """Whether a field or variable of this name holds a secret, so that its value is never shown: "api_key", "x_token"."""
    return bool(_SECRET_NAME.search(name))


def may_name_secret(name: str) -> bool:
    """Whether an environment variable of this name could hold a secret, so that its value is masked wherever it turns up.

    Wider than `is_secret_name`: one value masked too many costs less than one shown.
    """
    return bool(_MAYBE_SECRET_NAME.search(name)) and not _SURELY_NOT.search(name)


def holds_key(text: str) -> bool:
    """Whether a text holds what is surely a key in the open (not a masked one, and not any value that is masked with care)."""
    return bool(_KEYS.search(text))


class Redactor:
    """Masks known secrets and the shapes of unknown ones in text, and in any nested data."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        wanted: set[str] = set()
        for secret in secrets:
            for form in (secret, secret.strip(), secret.strip().strip("\"'")):
                if len(form) >= 6:
                    wanted.update((form, *(part for part in re.split(r"[\s\x00-\x1f\"']+", form) if len(part) >= 8)))
        self._known = (
            re.compile("|".join(re.escape(s) for s in sorted(wanted, key=len, reverse=True))) if wanted else None
        )

    def text(self, text: str) -> str:
        """The text with every known secret, and whatever looks like one, masked."""
        if self._known:
            text = self._known.sub(MASK, text)
        for pattern, replacement in _SHAPES:
            text = pattern.sub(replacement, text)
        return text

    def data(self, value: Any) -> Any:
        """The same over nested lists, tuples and mappings (their keys too); other values pass as they are."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(k)): MASK if _is_secret(str(k), v) else self.data(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(v) for v in value]
        return value


def _is_secret(name: str, value: Any) -> bool:
    """A value under a name such as api_key, unless it is the name of an environment variable."""
    return isinstance(value, str) and len(value) >= 6 and is_secret_name(name) and not _VARIABLE.fullmatch(value)


# --- the door ---------------------------------------------------------------------------------------------------------

Clean = NewType("Clean", str)
"""Text from outside that is fit to be kept and shown. Only this door makes one (tests/contract/test_one_door.py)."""

DOOR_LIMIT = 4096
"""Characters: no more of a text is looked at, however long it is."""
_ANY = Redactor()
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_ID = re.compile(r"(?:chatcmpl|resp|msg|gen|bill|req)[-_][A-Za-z0-9_-]+")


def clean(value: str | None, limit: int, echo: Echo | None = None) -> Clean | None:
    """Text from outside as it may be kept: one line of at most `limit` characters, no control characters, no secrets, nothing
    of the key that `echo` knows. None if nothing is left.
    """
    return _cleaned(value[:DOOR_LIMIT], limit, echo or None) if value else None


def clean_id(value: str | None, limit: int, echo: Echo | None = None) -> Clean | None:
    """An upstream's id, whose random part may look like a secret: as it is where all of it looks like an id, else as `clean`."""
    if not value or len(value) > limit or not _ID.fullmatch(value):
        return clean(value, limit, echo)
    return Clean(echo.text(value) if echo else value)


def cut(text: Clean | None, most: int) -> Clean | None:
    """The beginning of the text, at most this many bytes of UTF-8."""
    return text and Clean(text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore"))


@lru_cache(maxsize=2048)
def _cleaned(value: str, limit: int, echo: Echo | None) -> Clean | None:
    """Remembered, since clients and models are the same ones again and again."""
    if not value.isprintable():
        value = _SEQUENCE.sub(
            "\x1b", value
        )  # the letter that ends a terminal's sequence is no part of the word behind it
        joined = "".join(c for c in value if c.isprintable())  # a key that control characters split
        value = joined if _without_secrets(joined, echo) != joined else visible(value)
    value = visible(_without_secrets(value, echo), limit=limit)
    return Clean(value.replace("\n", " ").strip()) or None


def _without_secrets(value: str, echo: Echo | None) -> str:
    return _ANY.text(echo.text(value) if echo else value)


# --- showing ----------------------------------------------------------------------------------------------------------


def visible(text: str, *, limit: int | None = None) -> str:
    """Text from the wire made safe to show: control characters (terminal sequences with them) as spaces, cut at `limit`."""
    shown = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    return shown if limit is None or len(shown) <= limit else shown[: limit - 1] + "…"


_NOT_PLAIN = re.compile(r"[^\n\x20-\x7e]")


def escaped_json(text: str) -> str:
    """JSON's text with `\\u…` for what JSON allows raw and a terminal or a reader obeys: DEL, C1, directions, invisible signs."""
    return _NOT_PLAIN.sub(lambda found: found[0] if found[0].isprintable() else _escape(found[0]), text)


def _escape(char: str) -> str:
    if "\ud800" <= char <= "\udfff":  # half of a pair is not text, and many a reader of JSON gives up at it
        return "?"
    return json.dumps(char)[1:-1] if char != "\x7f" else "\\u007f"  # json takes DEL for printable
