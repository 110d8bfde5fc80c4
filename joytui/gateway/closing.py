"""How a listening socket is closed without cutting off a client.

The kernel finishes a connection before anybody accepts it. Whoever has connected, and perhaps sent a request already, is reset
when the socket is closed before that: so first no new connection is let in, then those that wait are taken, then it is closed.
"""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
import sys

_SO_ATTACH_FILTER = 26
_DROP = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A classic BPF program of one instruction: return 0, keep nothing of the packet (linux/filter.h)."""
ROUNDS = 4
"""Of the loop: one finds the connections that wait, the next takes them."""


async def take_in(listening: socket.socket) -> None:
    """Afterwards the loop has all connections that were made, and the socket can be closed."""
    let_nobody_in(listening)
    for _ in range(ROUNDS):
        await asyncio.sleep(0)


def let_nobody_in(listening: socket.socket) -> bool:
    """Drops what comes to the socket itself; who tries to connect now tries again, and is refused then. False if the system
    has no such filter (only Linux has), or keeps it from this user: there the moment until the socket is closed has to be short
    enough."""
    if sys.platform != "linux":
        return False
    program = ctypes.create_string_buffer(_DROP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
    except OSError:
        return False
    return True
