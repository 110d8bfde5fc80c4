"""Writes an export where the user wants it: 0600, in one step, and over nothing that was there unasked."""

from __future__ import annotations

import os
from pathlib import Path

from joytui.core.errors import JoytuiError
from joytui.core.plain_file import NotPlainError, is_other_than_file
from joytui.core.whole_file import write_whole
from joytui.tui.export.exported import ENDINGS, Exported, Form


class TakenError(JoytuiError):
    """A file of that name is there already; it is replaced only where the user says so."""


def free_name(exported: Exported, form: Form, folder: Path | None = None) -> str:
    """The file's name by default: one that is not taken."""
    place, ending = folder or Path(), ENDINGS[form]
    name, number = f"{exported.name}{ending}", 1
    while os.path.lexists(place / name):
        number += 1
        name = f"{exported.name}-{number}{ending}"
    return name


def write(exported: Exported, form: Form, path: str, *, replace: bool = False) -> Path:
    """The file's whole path. Raises TakenError, and JoytuiError where nothing can be written there."""
    place = Path(os.path.expanduser(path)).absolute()  # that of pathlib fails for a user that there is not
    try:
        if place.is_dir():
            raise IsADirectoryError(None, "this is a folder: name a file in it")
        if is_other_than_file(place):
            raise NotPlainError(str(place))
        if os.path.lexists(place) and not replace:
            raise TakenError("a file of this name already exists", where=str(place))
        _write(place, exported.text(form), replace=replace)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle (Python 3.11 and 3.12)
        raise JoytuiError(f"not written: {getattr(error, 'strerror', None) or error}", where=str(place)) from None
    return place


def _write(place: Path, text: str, *, replace: bool) -> None:
    """A link that the user did not agree to is not followed, whatever comes between looking and writing."""
    from joytui.doctor.fix.replace import ChangedError, replace_file

    place.parent.stat()  # a folder that is not there is not made
    if replace:
        return write_whole(place.resolve(), text.encode(), lasting=True)
    try:
        replace_file(place, text.encode(), old=None)
    except ChangedError:
        raise TakenError("a file of this name already exists", where=str(place)) from None
