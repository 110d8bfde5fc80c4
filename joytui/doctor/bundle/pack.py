"""A bundle as the bytes of a zip: sorted entries, one fixed time, no attributes of this machine."""

from __future__ import annotations

import io
import zipfile

from joytui.doctor.bundle.compose import Bundle

_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that the format knows


def pack(bundle: Bundle) -> bytes:
    """The zip. The same bundle gives the same bytes, on every machine with the same zlib."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for entry in sorted(bundle.entries, key=lambda entry: entry.name):
            if ":" in entry.name:  # a part of report.json, listed for the preview only
                continue
            info = zipfile.ZipInfo(entry.name, _TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o600 << 16
            archive.writestr(info, entry.text.encode("utf-8", "replace"))
    return buffer.getvalue()
