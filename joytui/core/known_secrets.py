"""The secrets of this machine that can be known: of the environment, of Codex's files, of proxies and addresses."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from joytui.core.plain_file import plain_content
from joytui.core.redaction import MASK, is_secret_name, may_name_secret

SAFE_VARIABLES = (
    "TERM", "TERM_PROGRAM", "COLORTERM", "LANG", "LC_ALL", "LC_CTYPE", "SHELL", "TZ", "NO_COLOR", "SHLVL",
    "XDG_SESSION_TYPE", "WSL_DISTRO_NAME", "CI",
)  # fmt: skip
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
FILE_LIMIT = 2_000_000

_PLAIN = re.compile(
    r"(?:true|false|none|null|yes|no|auto|\d{1,5}|[A-Z_][A-Z0-9_]{0,60}|[a-z]{1,12}|joytoken|joytui)", re.A
)
_PATH = re.compile(r"^(?:~|/|\./|[A-Za-z]:\\)")


def is_plain(text: str) -> bool:
    """Whether a value in the query of an address says a word, a number or the version of an API."""
    return any(pattern.fullmatch(text) for pattern in (_PLAIN, _WORDS, _VERSION))


def looks_random(word: str) -> bool:
    """A token that nobody writes by hand: letters and digits mixed, long, no id, time, version or path of ours."""
    if len(word) < 16 or _OURS.fullmatch(word):
        return False
    digits = sum(c.isdigit() for c in word)
    letters = sum(c.isalpha() for c in word)
    if letters < 3:
        return False
    if digits < 2:
        return _mixed_case(word)
    changes = sum(a.isdigit() != b.isdigit() for a, b in itertools.pairwise(word))
    return changes >= 4 or _mixed_case(word)


def _mixed_case(word: str) -> bool:
    """Upper and lower case without order, as in base64, and not as in CamelCaseNames."""
    flips = sum(a.islower() and b.isupper() for a, b in itertools.pairwise(word))
    return len(word) >= 20 and flips >= 4 and flips / len(word) > 0.15


# Ids that support searches by, times and file names of ours.
_OURS = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|req-[0-9a-f]{16}|(?:key|pol|tok)_[0-9a-f]{14}"
    r"|\d{4}-\d\d-\d\dT\d\d[:-]\d\d[:-]\d\d(?:\.\d+)?Z?|rollout-\d{4}-\d\d-\d\dT[\d-]{8}-[0-9a-f-]{36}",
    re.I,
)


OTHERS_TABLES = ("args", "env", "http_headers", "query_params", "set")
"""Tables and lists of a config.toml in which secrets of other programs stand, whatever their names are."""
_SENT = ("http_headers", "query_params")
_WORDS = re.compile(r"@?[a-z]+(?:[-_./@:][a-z]+)*(?:@latest)?")
"""Names of programs and packages."""
_VERSION = re.compile(r"\d{4}-\d\d-\d\d(?:-preview)?")


def secrets_of_setting(path: Sequence[str], value: Any) -> Iterator[str]:
    """What is secret in a value of a config.toml, by its name and by where it stands."""
    others, name = any(part in OTHERS_TABLES for part in path[1:]), str(path[-1])
    named = is_secret_name(name) or any(part in _SENT for part in path[1:]) or (others and may_name_secret(name))
    for text, before in _texts(value):
        yield from (part for part in _parts_of_url(text) if not is_plain(part))
        option, _, given = text.partition("=") if text.startswith("-") else (before, "", text)
        surely = named or (option.startswith("-") and may_name_secret(option))
        if (surely or others) and not _PLAIN.fullmatch(given) and not _PATH.match(given):
            yield from [given] if surely or not _WORDS.fullmatch(given) else ()


def shown_setting(path: Sequence[str], value: Any) -> Any:
    """A value of a config.toml as it may be shown: where other programs' secrets stand, only its plain words are."""
    if isinstance(value, Mapping):
        return {key: shown_setting((*path, str(key)), inner) for key, inner in value.items()}
    if not any(part in OTHERS_TABLES for part in path):
        return value
    if isinstance(value, (list, tuple)):
        return [shown_setting(path, inner) for inner in value]
    if not isinstance(value, str) or is_secret_name(path[-1]):
        return MASK if isinstance(value, str) and value else value
    return MASK if len(value) >= 6 and (may_name_secret(path[-1]) or not is_plain(value)) else value


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Every text in a value, with the one before it in its list: an option of a command line, perhaps."""
    if isinstance(value, str):
        yield value, ""
    elif isinstance(value, (list, tuple)):
        before = ""
        for item in value:
            for text, _ in _texts(item):
                yield text, before
                before = text
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)


def secrets_of_environment(env: Mapping[str, str]) -> list[str]:
    """Values under names of secrets, values that look like one, and what is in addresses, proxies among them."""
    found: list[str] = []
    for name, value in env.items():
        if name in SAFE_VARIABLES:
            found += _parts_of_url(value)
            continue
        if may_name_secret(name) and not _PATH.match(value):
            found.append(value)
        found += _parts_of_url(value)
        found += [word for word in re.split(r"[\s:,;='\"/@]+", value) if looks_random(word)]
    return _worth(found)


def secrets_of_text(text: str) -> list[str]:
    """Of a `.env` file or a config.toml that may not even parse: every value that is not known to be harmless."""
    found = []
    for line in text.splitlines()[:20_000]:
        for match in re.finditer(
            r"([\w.\-\"' ]{1,120}?)\s*[=:]\s*[\[{]?\s*(\"[^\"\n]*\"?|'[^'\n]*'?|[^\s,}\]#]+)", line
        ):
            name, value = match[1].strip(" \"'"), match[2].strip("\"'")
            if name.rsplit(".", 1)[-1] not in HARMLESS_KEYS and not _PATH.match(value):
                found.append(value)
            found += _parts_of_url(value)
        found += [word for word in re.split(r"[\s\"'=,;:/@{}\[\]]+", line) if looks_random(word)]
    return _worth(found)


HARMLESS_KEYS = (
    "model", "model_provider", "name", "base_url", "env_key", "wire_api", "profile", "approval_policy", "sandbox_mode",
    "model_reasoning_effort", "model_reasoning_summary", "model_verbosity", "trust_level", "command", "timeout_ms",
    "refresh_interval_ms", "request_max_retries", "stream_max_retries", "stream_idle_timeout_ms", "requires_openai_auth",
    "supports_websockets", "personality", "web_search", "theme", "persistence", "auth_mode", "last_refresh",
)  # fmt: skip


def secrets_of_data(value: Any, name: str = "") -> Iterator[str]:
    """Every text in nested data that is not under a harmless name (auth.json, a parsed table)."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from secrets_of_data(inner, str(key))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from secrets_of_data(inner, name)
    elif isinstance(value, str):
        if name not in HARMLESS_KEYS:
            yield value
        yield from _parts_of_url(value)


def secrets_of_home(codex_home: Path) -> list[str]:
    """Of the files in CODEX_HOME that hold secrets: auth.json, `.env`, config.toml and profile files."""
    found: list[str] = []
    with_text = [codex_home / ".env", *sorted(codex_home.glob("*.toml"))[:50]]
    for path in with_text:
        found += secrets_of_text(_text(path))
    for path in (codex_home / "auth.json", codex_home / ".credentials.json"):
        try:
            found += secrets_of_data(json.loads(_text(path)))
        except (ValueError, RecursionError):
            found += secrets_of_text(_text(path))
    return _worth(found)


def _text(path: Path) -> str:
    try:
        return plain_content(path, FILE_LIMIT).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def _parts_of_url(text: str) -> list[str]:
    """User, password and query values of an address, as written and decoded."""
    if "@" not in text and "://" not in text:
        return []
    found: list[str] = []
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        for part in (parts.username, parts.password):
            found += [part, unquote(part)] if part else []
        found += [value for _, value in parse_qsl(parts.query)]
        found += [parts.fragment] if parts.fragment else []
    except ValueError:
        pass
    before, at, _ = text.rpartition("@")
    if at:
        found += re.split(r"://|:", before)[1:]
    return found


def _worth(values: Iterable[str]) -> list[str]:
    """Each once, sorted: those that are long enough to be told from words of the report."""
    return sorted(
        {
            v.strip()
            for v in values
            if len(v.strip()) >= 6 and not _PLAIN.fullmatch(v.strip()) and not _ordinary(v.strip())
        }
    )


def _ordinary(value: str) -> bool:
    """Addresses without secrets in them, and host names."""
    return bool(
        re.fullmatch(r"(?:https?|socks\w*)://[\w.\-\[\]:]+(?:/[\w./\-]*)?|[\w-]+(?:\.[\w-]+){1,5}(?::\d+)?", value)
    ) and not looks_random(value)
