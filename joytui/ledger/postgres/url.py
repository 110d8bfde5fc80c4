"""The URL of a store in PostgreSQL, as libpq takes it, and `schema`, which is ours. Knows no driver: masking works without one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from joytui.core.errors import UsageError

SCHEMES = ("postgresql", "postgres")
DEFAULT_SCHEMA = "joytui"
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_SECRETS = {"password", "sslpassword"}
MASK = "***"
_PLAIN = "/*"


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """`conninfo`: what libpq is given, with the password if there is one. `masked`: what may be shown, and all that is, also by
    `str` and `repr`. `secrets`: what may not."""

    conninfo: str = field(repr=False)
    masked: str
    schema: str
    secrets: tuple[str, ...] = field(repr=False)

    def __str__(self) -> str:
        return self.masked

    @property
    def plain(self) -> str:
        """The URL as libpq's own programs take it, without a password."""
        parts = urlsplit(self.conninfo)
        user = _user(parts.netloc)[0]
        host = parts.netloc.rpartition("@")[2]
        options = [(name, value) for name, value in parse_qsl(parts.query) if name not in _SECRETS]
        return _url((f"{user}@" if user else "") + host + parts.path, options)

    def without_secrets(self, text: str) -> str:
        """A driver's words, which may quote the URL."""
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return text


def is_url(text: str) -> bool:
    return text.partition("://")[0].lower() in SCHEMES and "://" in text


def parse(text: str) -> StoreUrl:
    """Raises UsageError for what is no such URL; its words never hold the password."""
    try:
        parts = urlsplit(text)
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise UsageError("the store's URL cannot be read", hint=_FORM) from None
    user, password = _user(parts.netloc)
    secrets = [unquote(password)] if password else []
    secrets += [value for name, value in given if name in _SECRETS and value]
    options = [(name, value) for name, value in given if name != "schema"]
    schema = next((value for name, value in given if name == "schema"), DEFAULT_SCHEMA)
    if not _SCHEMA.fullmatch(schema):
        raise UsageError(
            f"not the name of a schema: {schema!r}", hint="small letters, digits and _, as in ?schema=joytui_team"
        )
    shown = [(name, MASK if name in _SECRETS else value) for name, value in given]
    host = parts.netloc.rpartition("@")[2]
    masked_user = f"{user}:{MASK}@" if password else f"{user}@" if user else ""
    return StoreUrl(
        _url(parts.netloc + parts.path, options),
        _url(masked_user + host + parts.path, shown),
        schema,
        tuple({form for secret in secrets for form in (secret, quote(secret, safe=""), quote(secret, safe=_PLAIN))}),
    )


def _user(netloc: str) -> tuple[str, str]:
    """User and password, both as they are written."""
    user, _, password = netloc.rpartition("@")[0].partition(":")
    return user, password


def _url(place: str, options: list[tuple[str, str]]) -> str:
    query = urlencode(options, quote_via=quote, safe=_PLAIN)
    return f"postgresql://{place}" + (f"?{query}" if query else "")


_FORM = "as in postgresql://USER@HOST:5432/DATABASE?schema=joytui"
