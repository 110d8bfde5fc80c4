"""What a Chat upstream thought, on its way through Codex and back.

Chat upstreams give reasoning as text and expect it back as text; some attach opaque fields to a call, which must come
back unchanged or the next turn fails (Gemini's `thought_signature`: JoyToken's SDKs). Codex keeps neither, but it
returns a reasoning item's `encrypted_content` as it got it. So both travel there: tagged, as compressed JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TAG = "joytui1."
USUAL_NAME = "reasoning_content"
IN_TEXT = "<think>"
MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Carried:
    """`text`: the reasoning. `calls`: opaque fields by call id. `message`: opaque fields of the whole message.

    `name`: the field in which the reasoning came, and goes back; `IN_TEXT` for tags in the text.
    """

    text: str = ""
    calls: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    message: Mapping[str, Any] = field(default_factory=dict)
    name: str = USUAL_NAME

    def __bool__(self) -> bool:
        return bool(self.text or self.calls or self.message)


def pack(carried: Carried) -> str:
    """Text for `encrypted_content`. The same input gives the same text."""
    data = {"t": carried.text, "c": carried.calls, "m": carried.message}
    data["n"] = "" if carried.name == USUAL_NAME or not carried.text else carried.name
    plain = json.dumps({k: v for k, v in data.items() if v}, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return TAG + base64.urlsafe_b64encode(zlib.compress(plain.encode("utf-8", "surrogatepass"), 6)).decode()


def unpack(content: Any) -> Carried | None:
    """What `pack` put in; None for anything else (another vendor's encrypted content, a damaged or oversized one)."""
    if not isinstance(content, str) or not content.startswith(TAG):
        return None
    try:
        packed = base64.b64decode(content[len(TAG) :], altchars=b"-_", validate=True)
        inflate = zlib.decompressobj()
        plain = inflate.decompress(packed, MAX_BYTES)
        if inflate.unconsumed_tail or not inflate.eof:
            return None
        data = json.loads(plain.decode("utf-8", "surrogatepass"))
    except (binascii.Error, zlib.error, ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    text, calls, message, name = data.get("t", ""), data.get("c", {}), data.get("m", {}), data.get("n", USUAL_NAME)
    if not (isinstance(text, str) and isinstance(calls, dict) and isinstance(message, dict) and isinstance(name, str)):
        return None
    return Carried(text, {k: v for k, v in calls.items() if isinstance(v, dict)}, message, name)


def opaque_fields(source: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The opaque fields that are in a call or a message."""
    return {name: source[name] for name in names if source.get(name) not in (None, "", [], {})}
