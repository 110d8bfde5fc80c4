"""What the URL of an upstream and the name of its key's variable may be: one rule for the settings and for whoever else
takes them."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from joytui.core.joytoken import PROD_BASE_URL
from joytui.core.loopback import is_loopback
from joytui.core.redaction import Redactor

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SURELY_A_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")


def checked_url(url: str) -> str:
    """An upstream's URL without a trailing slash. Raises ValueError, which never repeats the URL: it may hold a secret.

    Keys must not cross a network readable, so that plain http is for this machine only.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # brackets without an end, a port beyond 65535
        whole = False
    if not whole:
        raise ValueError(f"an upstream is an http(s) URL with a host, for example {PROD_BASE_URL}")
    if parts.username or parts.password:
        raise ValueError(
            "an upstream's URL must not hold a user or password: name the key's variable in upstream_key_env"
        )
    if parts.query or parts.fragment:
        raise ValueError("an upstream's URL has neither a query nor a fragment")
    if parts.scheme == "http" and not is_loopback(url):
        raise ValueError("an upstream on another machine needs https: over plain http its key could be read")
    return url.rstrip("/")


def checked_variable(name: str) -> str:
    """The name of an environment variable. Raises ValueError, which never repeats it: some put the key itself there."""
    if not _VARIABLE.fullmatch(name) or Redactor().text(name) != name:
        raise ValueError(
            "give the name of the variable that holds the key, not the key itself (the value is not shown)"
        )
    return name


_NOT_TO_SET = frozenset(
    {
        "authorization",
        "host",
        "content-length",
        "content-type",
        "content-encoding",
        "transfer-encoding",
        "connection",
        "cookie",
    }
)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")


def checked_fields(fields: Any) -> Any:
    """The names of fields to leave out of requests, or fields to add to them. Raises ValueError for what a request is made of, and
    for what JSON does not have."""
    from joytui.gateway.bridge.quirks import NEEDED_FIELDS

    for name in fields:
        if name in NEEDED_FIELDS:
            raise ValueError(f"every request needs {name}: it cannot be set here")
    try:
        text = json.dumps(fields, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError(
            "only texts, numbers, booleans, lists and tables can be sent as JSON, not dates or nan"
        ) from None
    if Redactor().text(text) != text:
        raise ValueError("a key must not be in the settings (the value is not shown)")
    return fields


def checked_headers(headers: dict[str, str]) -> dict[str, str]:
    """Headers by their names in lower case. Raises ValueError, which repeats no value: it may be a key."""
    found = {}
    for name, value in headers.items():
        if not _HEADER.fullmatch(name):
            raise ValueError(f"{name!r} cannot be a header's name")
        if name.lower() in _NOT_TO_SET:
            raise ValueError(
                f"{name} is set by the gateway"
                + (" (key_env names the key's variable)" if name.lower() == "authorization" else "")
            )
        if name.lower() in found:
            raise ValueError(f"{name} is given twice: header names ignore case")
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"the value of {name} has characters that a header cannot contain")
        if value.startswith("$"):
            checked_variable(value[1:])
        elif Redactor().data({name: value})[name] != value:
            raise ValueError(
                f'the value of {name} looks like a key: put it into an environment variable, and "$ITS_NAME" here'
            )
        found[name.lower()] = value
    return found


def variable_words(name: str) -> str:
    """How to speak of a variable that is not set: by its name where it can hardly be the key itself."""
    return f"variable {name}" if _SURELY_A_NAME.fullmatch(name) else "named variable (not shown: is it the key?)"
