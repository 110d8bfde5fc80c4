"""The bundle of `joytui report`: what support needs, and no secret. Same input, same bytes.

    gather(invocation, ...) -> Material      looks at this machine (and at the local gateway, where one runs)
    compose(material) -> Bundle              scrubs it: entries, and what was removed from each
    pack(bundle) -> bytes                    the zip;   bundle.markdown: the same to paste
    check(data, secrets) -> list[Leak]       whether a bundle (or any file) holds a secret

Little is let in by name (an allowlist), and what is let in is scrubbed: known secrets of this machine, shapes of
secrets, and any text that looks random.
"""

from joytui.doctor.bundle.check import Leak, check
from joytui.doctor.bundle.compose import Bundle, Entry, compose
from joytui.doctor.bundle.gather import Material, gather
from joytui.doctor.bundle.pack import pack

__all__ = ["Bundle", "Entry", "Leak", "Material", "check", "compose", "gather", "pack"]
