"""Which Host headers a server on this machine lets in: what keeps a web page elsewhere out (DNS rebinding)."""

from __future__ import annotations

from collections.abc import Iterable


def allowed_hosts(host: str, port: int, extra: Iterable[str], *, tls: bool) -> frozenset[bytes]:
    """The Host headers that are let in: exact, with the port (which may be left out only where it is the scheme's own). An extra
    name with 443 or 80 is a proxy's, whose clients leave the port out."""
    names = {f"[{host}]" if ":" in host else host}
    if host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "::"):  # noqa: S104 (names, nothing is bound here)
        names |= {"127.0.0.1", "localhost", "[::1]"}
    default = port == (443 if tls else 80)
    hosts = {f"{name}:{port}" for name in names} | (names if default else set())
    for name in extra:
        bare = name.strip().lower()
        if _has_port(bare):
            hosts |= {bare, bare.removesuffix(":443").removesuffix(":80")}
        else:
            hosts |= {f"{bare}:{port}", *([bare] if default else [])}
    return frozenset(name.lower().encode() for name in hosts)


def _has_port(name: str) -> bool:
    return name.rpartition("]")[2].count(":") == 1
