"""Client addresses: which one a request comes from, and whether a list of addresses and CIDR ranges has it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and CIDR ranges, v4 and v6; host bits may be set ("10.0.0.7/8"). Raises ValueError naming the bad one."""
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text.strip(), strict=False))
        except ValueError:
            raise ValueError(f"not an IP address or CIDR range: {text!r}") from None
    return tuple(networks)


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """An address; IPv4 within IPv6 ("::ffff:10.0.0.7") as IPv4, zones dropped. None for any other text."""
    try:
        address = ip_address(text.strip().strip("[]").split("%", 1)[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def listed(address: str | None, networks: Sequence[Network]) -> bool:
    """Whether one of the networks has the address. An address that cannot be read is in none."""
    parsed = parse_address(address) if address else None
    return parsed is not None and any(parsed.version == net.version and parsed in net for net in networks)


def client_address(peer: str | None, forwarded_for: str | None, trusted: Sequence[Network]) -> str | None:
    """The socket's peer; behind trusted proxies the nearest address in X-Forwarded-For that is none of them.

    Only a configured proxy is believed: anybody can write that header.
    """
    if not forwarded_for or not trusted or not listed(peer, trusted):
        return peer
    for hop in reversed(forwarded_for.split(",")):
        address = parse_address(hop)
        if address is None:
            return peer
        if not listed(str(address), trusted):
            return str(address)
    return peer
