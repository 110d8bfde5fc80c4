"""What somebody gets with a new key: the key, the guide's setup with this gateway's address, and the command that checks it."""

from __future__ import annotations

from joytui.core.joytoken import BASE_PATH, KEY_VARIABLE, config_block


def handout(name: str, key: str, url: str) -> str:
    """The text to hand over with a key, which it holds whole. `url`: the gateway's, without a path."""
    block = "\n".join(f"    {line}".rstrip() for line in config_block(url + BASE_PATH).splitlines())
    return f"""\
Codex with the key {name!r}

1. In ~/.codex/config.toml:

{block}

2. In your shell's start file (~/.zshrc, ~/.bashrc), then open a new terminal:

    export {KEY_VARIABLE}="{key}"

3. Check it:

    joytui doctor

The key is yours alone. If somebody else has seen it, ask for a new one.\
"""


def is_local(url: str) -> bool:
    """Whether this address reaches the gateway only from the machine that it runs on."""
    from urllib.parse import urlsplit

    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
