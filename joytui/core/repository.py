"""The name of a git repository: host and path of its origin, the same whichever way it is reached, and nothing secret."""

from __future__ import annotations

import re

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SCP = re.compile(r"(?:[^/@]+@)*([^/@:]{2,}):(?!\d+(?:/|\Z))(.+)")  # git@host:path; a single letter is a Windows drive
_PORT = re.compile(r":\d*\Z")


def repository(origin: str) -> str | None:
    """`host/path` of a git remote (`https://…`, `ssh://…`, `git@host:path`), or the path of one on this machine.

    Without user, password, port, query and `.git`; None if nothing is left.
    """
    text = origin.strip()
    if scheme := _URL.match(text):
        text = re.split(r"[?#]", _without_login(text[scheme.end() :]))[0]
        host, slash, path = text.partition("/")
        host, path = _PORT.sub("", host), slash + path
    elif scp := _SCP.fullmatch(text):
        host, path = scp[1], scp[2]
    else:
        host, path = "", text.replace("\\", "/")
    path = path.rstrip("/").removesuffix(".git")
    return (f"{host.lower()}/{path.lstrip('/')}" if host else path).rstrip("/") or None


def _without_login(rest: str) -> str:
    """What follows `scheme://`, from the host on. A password may hold a slash: then what is before it is not a host."""
    place, slash, path = rest.partition("/")
    if "@" in place:
        return place.rpartition("@")[2] + slash + path
    user, colon, port = place.partition(":")
    return path.rpartition("@")[2] if user and colon and not port.isdigit() and "@" in path else rest
