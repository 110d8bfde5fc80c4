"""Plain keys of this gateway: `jt_local_`, 43 characters of 256 random bits, and a checksum of 6.

Only a text with that prefix is judged by the checksum: JoyToken's own form is not known.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from joytui.core.joytoken import LOCAL_KEY_PREFIX, TELEMETRY_TOKEN_PREFIX

SECRET_LENGTH = 43
CHECK_LENGTH = 6
_FORM = re.compile(rf"{LOCAL_KEY_PREFIX}[A-Za-z0-9_-]{{{SECRET_LENGTH + CHECK_LENGTH}}}")


def new_key() -> str:
    secret = secrets.token_urlsafe(32)
    return f"{LOCAL_KEY_PREFIX}{secret}{_check_sum(secret)}"


def new_token() -> str:
    """A console token."""
    return f"jtc_{secrets.token_urlsafe(32)}"


def new_telemetry_token() -> str:
    """A token that telemetry is posted with, and that opens nothing else."""
    return f"{TELEMETRY_TOKEN_PREFIX}{secrets.token_urlsafe(32)}"


def digest(secret: str) -> bytes:
    """What the store knows of a key or a token."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def hint(key: str) -> str:
    """The first 3 and last 4 characters: all of a key that may be shown."""
    return f"{key[:3]}…{key[-4:]}"


def complaint(key: str) -> str | None:
    """What is wrong with the form of a key that claims to be ours; None for a good one and for any other text."""
    if not key.startswith(LOCAL_KEY_PREFIX):
        return None
    if not _FORM.fullmatch(key):
        wanted = len(LOCAL_KEY_PREFIX) + SECRET_LENGTH + CHECK_LENGTH
        return (
            f"it has {len(key)} characters of {wanted}"
            if len(key) != wanted
            else "it has characters that keys never have"
        )
    secret = key[len(LOCAL_KEY_PREFIX) : -CHECK_LENGTH]
    return None if key.endswith(_check_sum(secret)) else "its checksum does not match"


def _check_sum(secret: str) -> str:
    return hashlib.sha256(f"joytui {secret}".encode()).hexdigest()[:CHECK_LENGTH]
