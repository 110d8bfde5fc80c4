"""What the URL of a webhook may be, and how it is shown: that of Slack or Teams is a secret itself."""

from __future__ import annotations

from urllib.parse import urlsplit

from joytui.core.loopback import is_loopback


def checked_webhook_url(url: str, *, insecure: bool = False) -> str:
    """Raises ValueError, which never repeats the URL: it may be a secret."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        whole = False
    if not whole or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("alerts_url: a webhook is an http(s) URL with a host (the value is not shown)")
    if parts.username or parts.password or parts.fragment:
        raise ValueError("alerts_url: a webhook's URL must not have a user, a password or a fragment")
    if parts.scheme == "http" and not insecure and not is_loopback(url):
        raise ValueError("alerts_url: a webhook on another machine needs https; alerts_insecure allows http")
    return url


def shown_webhook(url: str) -> str:
    """The address without what may be secret in it: "https://hooks.slack.com/…"."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "…"
    more = "/…" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{more}"
