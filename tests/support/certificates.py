"""Certificates of every kind that a user meets, from a certificate authority made for this test run.

`authority()` signs what the tests trust (its file goes into SSL_CERT_FILE or CODEX_CA_CERTIFICATE); the other kinds are each wrong in one way.
"""

from __future__ import annotations

import datetime as dt
import functools
import ssl
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import trustme

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")

_Made = TypeVar("_Made")
_P = ParamSpec("_P")
_making = threading.RLock()


def _made_once(make: Callable[_P, _Made]) -> Callable[_P, _Made]:
    """functools.cache, with one maker at a time: gateways start side by side, and two authorities of one name would not agree."""
    cached = functools.cache(make)

    @functools.wraps(make)
    def one_at_a_time(*args: _P.args, **kwargs: _P.kwargs) -> _Made:
        with _making:
            return cached(*args, **kwargs)  # type: ignore[arg-type]

    return one_at_a_time


# What the guide's Codex talks to, for situations that are played under the exact host names.
PUBLIC_NAMES = (
    "api-dev.joytokens.ai",
    "api.openai.com",
    "chatgpt.com",
    "ab.chatgpt.com",
    "api.github.com",
    "raw.githubusercontent.com",
)


@_made_once
def authority() -> trustme.CA:
    """The authority that the tests trust."""
    return trustme.CA(organization_name="joytui tests")


@_made_once
def stranger() -> trustme.CA:
    """An authority that nobody trusts."""
    return trustme.CA(organization_name="joytui tests, a stranger")


@_made_once
def authority_file() -> Path:
    """The trusted authority as a PEM file, for SSL_CERT_FILE."""
    return _pem_file(authority(), "authority.pem")


@_made_once
def stranger_file() -> Path:
    """The stranger as a PEM file: a bundle that does not hold the gateway's authority."""
    return _pem_file(stranger(), "stranger.pem")


@_made_once
def server_context(kind: str) -> ssl.SSLContext:
    """A server's TLS settings. Kinds: trusted, untrusted, expired, not-yet-valid, other-host, name-only (no addresses),
    untrusted-expired, expired-other-host, untrusted-other-host, public (the exact host names of the guide), old-protocol."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if kind == "old-protocol":
        _only_old_protocol(context)
    _certificate(kind).configure_cert(context)
    return context


def _certificate(kind: str) -> trustme.LeafCert:
    issuer = stranger() if kind.startswith("untrusted") else authority()
    names = LOCAL_NAMES
    if "other-host" in kind:
        names = ("gateway.example",)
    elif kind == "name-only":
        names = ("localhost",)
    elif kind == "public":
        names = (*PUBLIC_NAMES, *LOCAL_NAMES)
    now = dt.datetime.now(dt.UTC)
    if "expired" in kind:
        return issuer.issue_cert(*names, not_before=now - dt.timedelta(days=40), not_after=now - dt.timedelta(days=3))
    if kind == "not-yet-valid":
        return issuer.issue_cert(*names, not_before=now + dt.timedelta(days=3), not_after=now + dt.timedelta(days=40))
    return issuer.issue_cert(*names)


def _only_old_protocol(context: ssl.SSLContext) -> None:
    """TLS 1.1 and no more: every current client refuses."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1


@_made_once
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="joytui-certificates-")


def _pem_file(issuer: trustme.CA, name: str) -> Path:
    path = Path(_folder().name) / name
    issuer.cert_pem.write_to_path(path)
    return path
