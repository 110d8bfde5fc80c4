"""The scrubber of bundles: stricter than the one redaction, since a bundle leaves the house. Counts what it removes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from joytui.core.redaction import MASK, SECRET_WORDS, Redactor
from joytui.doctor.bundle.secrets import looks_random

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
"""How the name of a count of tokens ends, with its colon: a number after it is no secret."""
_EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}\b")
_MORE_SHAPES = re.compile(
    r"\b(?:pk|rk|sk|jt|whsec|npm|pypi|glpat|glrt|dop_v1|hf|gsk|xai|r8|nvapi|AIza|ya29|SG|shp(?:at|ss|ca)|lin_api|ntn|secret|sess|sbp|vercel|tvly|pplx|fw|co|sq0[a-z]{3}|EAA|AGE-SECRET-KEY|github_pat)"
    r"[_\-.](?!xxx\b)[A-Za-z0-9_\-.]{8,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bya29\.[\w\-]{8,}|\bAIza[\w\-]{16,}|\b\d{8,10}:AA[\w\-]{20,}"
)


class Scrubber:
    """Masks in text and data. `removed` counts by kind; `home` is shown as "~". Scrubbed text scrubs to itself."""

    def __init__(self, secrets: Iterable[str] = (), home: str = "") -> None:
        self._redactor = Redactor(secrets)
        self._home = home.rstrip("/")
        self.removed: Counter[str] = Counter()

    def text(self, text: str) -> str:
        """A text without secrets. A person's home folder and mail addresses go too."""
        if self._home and len(self._home) > 1:
            text = text.replace(self._home, "~")
        text = self._count(self._redactor.text(text), "known secrets and their shapes", text)
        text = self._sub(_USERINFO, f"{MASK}@", text, "users in addresses")
        text = self._sub(_QUERY, rf"\1{MASK}", text, "query values")
        text = self._sub(_HEADER, rf"\1\2{MASK}", text, "headers")
        text = _ASSIGNED.sub(self._assigned, text)
        text = self._sub(_MORE_SHAPES, MASK, text, "known secrets and their shapes")
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

    def _random(self, found: re.Match[str]) -> str:
        if not looks_random(found[0]):
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
