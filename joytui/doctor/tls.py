"""TLS as Codex checks it: which authorities count, and in which order the faults of a certificate are met.

Codex 0.169.0, observed: untrusted comes before expired, and expired before a wrong host name. OpenSSL looks at the host
name before the dates, so a wrong name is asked about again without the name.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joytui.core.plain_file import plain_content
from joytui.doctor.faults import NetFault
from joytui.doctor.limits import Limit, OutOfTime
from joytui.doctor.wire import ByteStream, TlsStream

_EXPIRED = {9: "is not valid yet", 10: "has expired"}
_WRONG_NAME = (62, 64)
_HANDSHAKE_LIMIT = 3.0


@dataclass(frozen=True, slots=True)
class Trust:
    """The authorities that count: the system's and certifi's, those of `file` (named by `variable`), and those of `also`.

    Codex adds CODEX_CA_CERTIFICATE to what SSL_CERT_FILE names: either may be the good one (0.169.0, observed).
    """

    file: str | None
    variable: str | None
    also: str | None = None


def make_context(trust: Trust, *, check_name: bool = True) -> ssl.SSLContext:
    """A client context. A CA file that cannot be read adds nothing: Codex, too, then only knows the usual authorities."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = check_name
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["http/1.1"])
    for path in (trust.file, trust.also):
        if path:
            _load_file(context, path)
    context.set_default_verify_paths()
    _load_certifi(context)
    return context


def _load_certifi(context: ssl.SSLContext) -> None:
    import certifi

    try:
        context.load_verify_locations(cafile=certifi.where())
    except (OSError, ssl.SSLError):
        return  # the system's own authorities still count


def _load_file(context: ssl.SSLContext, path: str) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError, ValueError):
        return


def ca_problem(trust: Trust) -> str | None:
    """What is wrong with the CA file, None if it holds certificates (or none is named)."""
    if not trust.file:
        return None
    try:
        text = plain_content(trust.file)
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:
        return str(error)
    return None if b"-----BEGIN" in text else "contains no certificate in PEM format"


def secure(
    open_stream: Callable[[], ByteStream], host: str, trust: Trust, limit: Limit, plain_answers: Callable[[], bool]
) -> TlsStream:
    """TLS on a fresh stream. Raises NetFault with the fault that Codex meets first, OutOfTime, Cancelled.

    `plain_answers` asks on a new connection whether the port speaks plain HTTP; called only if TLS comes to nothing.
    """
    stream = TlsStream(open_stream(), make_context(trust), host)
    try:
        stream.handshake(limit.within(_HANDSHAKE_LIMIT))
        return stream
    except OutOfTime:
        stream.close()
        if plain_answers():
            raise _plain_port(host) from None
        raise NetFault(
            "no-response", f"{host} accepted the connection but did not answer the TLS handshake", host, timed_out=True
        ) from None
    except ssl.SSLCertVerificationError as error:
        stream.close()
        raise _certificate_fault(error, open_stream, host, trust, limit) from error
    except (ssl.SSLError, OSError) as error:
        stream.close()
        raise _handshake_fault(error, stream.first, host, plain_answers) from error


def _certificate_fault(
    error: ssl.SSLCertVerificationError, open_stream: Callable[[], ByteStream], host: str, trust: Trust, limit: Limit
) -> NetFault:
    if error.verify_code in _WRONG_NAME:
        again = TlsStream(open_stream(), make_context(trust, check_name=False), host)
        try:
            again.handshake(limit.within(_HANDSHAKE_LIMIT))
            return _wrong_name(host, again.certificate())
        except ssl.SSLCertVerificationError as second:
            error = second
        except (ssl.SSLError, OSError, OutOfTime):
            return _wrong_name(host, {})
        finally:
            again.close()
    if error.verify_code in _EXPIRED:
        state = _EXPIRED[error.verify_code]
        return NetFault("tls-expired", f"the certificate of {host} {state} by this machine's clock", host)
    reason = error.verify_message or str(error)
    details: dict[str, Any] = {"reason": reason}
    if trust.file:
        details |= {"ca_file": trust.file, "ca_variable": trust.variable}
        if problem := ca_problem(trust):
            details["ca_problem"] = problem
    return NetFault("tls-untrusted", f"the certificate of {host} is not trusted: {reason}", host, details)


def _wrong_name(host: str, certificate: dict[str, Any]) -> NetFault:
    names = [str(value) for _, value in certificate.get("subjectAltName", ())][:8]
    told = f" (it is for {', '.join(names)})" if names else ""
    return NetFault("tls-hostname-mismatch", f"the certificate is not for {host}{told}", host, {"names": names})


def _handshake_fault(error: Exception, first: bytes, host: str, plain_answers: Callable[[], bool]) -> NetFault:
    if first and first[:1] not in (b"\x16", b"\x15"):
        return _plain_port(host)
    if not first:
        if plain_answers():
            return _plain_port(host)
        return NetFault("connection-reset", f"{host} closed the connection during the TLS handshake", host)
    reason = getattr(error, "reason", None) or str(error)
    if first[:1] == b"\x15" or isinstance(error, ssl.SSLError):
        return NetFault(
            "tls-protocol-mismatch",
            f"{host} and Codex have no TLS version or cipher in common ({reason})",
            host,
            {"reason": reason},
        )
    return NetFault("connection-reset", f"{host} broke the connection during the TLS handshake", host)


def _plain_port(host: str) -> NetFault:
    return NetFault(
        "tls-protocol-mismatch",
        f"base_url says https, and {host} speaks plain HTTP on that port",
        host,
        {"use": "http"},
    )
