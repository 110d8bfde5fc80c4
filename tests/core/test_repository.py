"""A repository has one name, however its origin is written, and no password in it."""

from __future__ import annotations

import pytest

from joytui.core.repository import repository


@pytest.mark.parametrize(
    "origin",
    [
        "https://git.example.com/team/app.git",
        "https://git.example.com/team/app/",
        "https://ann:s3cret@git.example.com:8443/team/app.git?token=s3cret#s3cret",
        "https://ann:s3@cret@Git.Example.com/team/app",
        "ssh://git@git.example.com:2222/team/app.git",
        "git@git.example.com:team/app.git",
        "git.example.com:/team/app",
        " git://git.example.com/team/app.git\n",
    ],
)
def test_it_is_host_and_path(origin: str) -> None:
    assert repository(origin) == "git.example.com/team/app"


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("/srv/git/app.git", "/srv/git/app"),
        ("file:///srv/git/app.git", "/srv/git/app"),
        ("../app", "../app"),
        (r"C:\git\app", "C:/git/app"),
        ("https://org@dev.azure.com/org/project/_git/app", "dev.azure.com/org/project/_git/app"),
        ("https://git.example.com/@ann/app", "git.example.com/@ann/app"),
        ("https://ann:pass/word@git.example.com/team/app", "git.example.com/team/app"),
        ("https://git.example.com", "git.example.com"),
        ("https://", None),
        ("", None),
    ],
)
def test_odd_origins(origin: str, name: str | None) -> None:
    assert repository(origin) == name


@pytest.mark.parametrize("scheme", ["https", "ssh", "git+ssh"])
@pytest.mark.parametrize("password", ["s3cret", "s3cret@", "s3/cret", ":s3cret", "s3cret#", "s3cret?", "a/b@s3cret"])
def test_no_password_is_left(scheme: str, password: str) -> None:
    assert "cret" not in (repository(f"{scheme}://ann:{password}@git.example.com/team/app.git") or "")
