"""The scrubber of bundles and diffs: stricter than the one redaction, since they leave the house. Counts what it removes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from joytui.core.known_secrets import is_plain, looks_random, secrets_of_environment, secrets_of_home
from joytui.core.redaction import MASK, SECRET_WORDS, Redactor, may_name_secret

if TYPE_CHECKING:
    from joytui.codex.world import World

_WORD = re.compile(r"[A-Za-z0-9_\-+=]{16,}")
_USERINFO = re.compile(r"(?<=://)[^\s/?#'\"<>‹]{1,300}@(?=[\w\[])")
_QUERY = re.compile(r"([?&;][\w.\-\[\]%]{1,60}=)(?!‹)([^\s&#'\"<>,;)]{1,2000})")
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization|x-api-key|api-key|cookie|set-cookie|x-auth-token|x-amz-security-token|ocp-apim-subscription-key)"
    r"([\"']?\s*[:=](?!\s*[\"']?(?:Bearer |Basic )?‹)\s*[\"']?)[^\n\"'}]{1,2000}?(?=, url: |[\n\"'}]|$)"
)
_ASSIGNED = re.compile(
    rf"(?i)([\w\-.]{{0,40}}(?:{SECRET_WORDS}|passphrase|pwd|token|credential|private[_\-]?key|signature|pin|otp)"
    r"s?[\"']?\s{0,3}(?:[=:]|is)\s{0,3}[\"']?)(?![\"'\s\[‹]|env\b|[A-Z][A-Z0-9_]{2,}\b)([^\s\"',;}&)]{4,})"
)
_COUNTED = re.compile(r"(?i)_tokens[\"']?\s*[:=]\s*")
"""How the name of a count of tokens ends, with its colon: a number after it is not a secret."""
_IN_PATH = re.compile(r"(?:\A|[\"'\s])(?:~|\.{1,2})?/(?:[^\"'\s/]+/)+[^\"'\s/]*\Z")
"""What is before a word in the path of a file, a temporary one's perhaps."""
_EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}\b")
_MORE_SHAPES = re.compile(
    r"\b(?:pk|rk|sk|jt|whsec|npm|pypi|glpat|glrt|dop_v1|hf|gsk|xai|r8|nvapi|AIza|ya29|SG|shp(?:at|ss|ca)|lin_api|ntn|secret|sess|sbp|vercel|tvly|pplx|fw|co|sq0[a-z]{3}|EAA|AGE-SECRET-KEY|github_pat)"
    r"[_\-.](?!xxx\b)[A-Za-z0-9_\-.]{8,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bya29\.[\w\-]{8,}|\bAIza[\w\-]{16,}|\b\d{8,10}:AA[\w\-]{20,}"
)


def bare(url: str) -> str:
    """Scheme, host, port and path of an address; "(unreadable)" where it is none. Never user, password, query, fragment."""
    if not url.strip():
        return "(empty)"
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return "(unreadable)"
    if not host or any(c.isspace() for c in url):
        return "(unreadable)"
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path}".removeprefix("://")


class Scrubber:
    """Masks in text and data. `removed` counts by kind; `home` is shown as "~". Scrubbed text scrubs to itself.

    `strict` False: names of files may look random, and queries of addresses may say plain words.
    """

    def __init__(self, secrets: Iterable[str] = (), home: str = "", *, strict: bool = True) -> None:
        self._strict = strict
        self._redactor = Redactor(secrets)
        self._home = home.rstrip("/")
        self.removed: Counter[str] = Counter()

    def text(self, text: str) -> str:
        """A text without secrets. A person's home folder and mail addresses go too."""
        if self._home and len(self._home) > 1:
            text = text.replace(self._home, "~")
        text = self._count(self._redactor.text(text), "known secrets and their formats", text)
        text = self._sub(_USERINFO, f"{MASK}@", text, "users in addresses")
        text = _QUERY.sub(self._query, text)
        text = self._sub(_HEADER, rf"\1\2{MASK}", text, "headers")
        text = _ASSIGNED.sub(self._assigned, text)
        text = self._sub(_MORE_SHAPES, MASK, text, "known secrets and their formats")
        text = self._sub(_EMAIL, MASK, text, "mail addresses")
        return _WORD.sub(self._random, text)

    def data(self, value: Any, name: str = "") -> Any:
        """Nested data, names and values."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.data(inner, str(key)) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(inner, name) for inner in value]
        return value if value is None or isinstance(value, (bool, int, float)) else self.text(str(value))

    def _assigned(self, found: re.Match[str]) -> str:
        if found[2].isdecimal() and _COUNTED.search(found[1]):
            return found[0]
        self.removed["assignments"] += 1
        return f"{found[1]}{MASK}"

    def _query(self, found: re.Match[str]) -> str:
        if not self._strict and is_plain(found[2]) and not may_name_secret(found[1]):
            return found[0]
        self.removed["query values"] += 1
        return f"{found[1]}{MASK}"

    def _random(self, found: re.Match[str]) -> str:
        if not looks_random(found[0]):
            return found[0]
        if not self._strict and _IN_PATH.search(found.string[max(0, found.start() - 500) : found.start()]):
            return found[0]
        self.removed["texts that look random"] += 1
        return MASK

    def _sub(self, pattern: re.Pattern[str], replacement: str, text: str, kind: str) -> str:
        text, count = pattern.subn(replacement, text)
        if count:
            self.removed[kind] += count
        return text

    def _count(self, after: str, kind: str, before: str) -> str:
        if count := after.count(MASK) - before.count(MASK):
            self.removed[kind] += max(count, 1)
        return after


def known_secrets(world: World) -> tuple[str, ...]:
    """All secrets of this machine that can be known, for bundles and for `report --check`."""
    found = {*world.secrets, *secrets_of_environment(world.invocation.env), *secrets_of_home(Path(world.codex_home))}
    found |= {prompt for prompt in [world.command.prompt] if prompt and len(prompt) >= 6}
    return tuple(sorted(found))


def shown_patch(patch: str | None, secrets: Iterable[str]) -> str:
    """A diff as it may be shown: its lines scrubbed as a bundle is, the names of its files only of what is known."""
    scrubber, redactor = Scrubber(secrets, strict=False), Redactor(secrets)
    return "".join(
        redactor.text(line) if line.startswith(("--- ", "+++ ")) else line[:1] + scrubber.text(line[1:])
        for line in (patch or "").splitlines(keepends=True)
    )
