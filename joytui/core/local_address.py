"""Where the gateway on this machine listens once it is started: by its own settings, without asking it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from joytui.core.joytoken import LOCAL_PORT
from joytui.core.places import Places
from joytui.core.plain_file import settings_text

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (nothing is bound here)


def url_on_this_machine(host: str, port: int, *, tls: bool) -> str:
    """The URL at which a client on this machine reaches a gateway that listens there, for example "http://127.0.0.1:8791"."""
    host = _EVERY_ADDRESS.get(host, host)
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def local_url(here: Places, env: Mapping[str, str] = os.environ) -> str:
    """The URL of the local gateway by its settings `host`, `port` and `tls_cert` (variables first, then the settings file).

    A setting that cannot be read counts as not given: the gateway itself names the fault when it starts. So does port 0, a free one.
    """
    table = _table(here)

    def setting(name: str) -> Any:
        return env.get(f"JOYTUI_GATEWAY_{name.upper()}") or table.get(name)

    host, port = setting("host"), str(setting("port"))
    return url_on_this_machine(
        host if isinstance(host, str) and host else "127.0.0.1",
        int(port) if port.isdecimal() and 0 < int(port) < 65536 else LOCAL_PORT,
        tls=bool(setting("tls_cert")),
    )


def _table(here: Places) -> Mapping[str, Any]:
    try:
        text = settings_text(here.config_file)
    except (OSError, UnicodeDecodeError):
        return {}
    import tomllib  # most have no such file

    try:
        table = tomllib.loads(text).get("gateway")
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}
