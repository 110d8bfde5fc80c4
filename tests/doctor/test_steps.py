"""The declared steps of the walk."""

from __future__ import annotations

from joytui.doctor.steps import SPECS


def test_steps_only_need_steps_before_them() -> None:
    seen: set[str] = set()
    for spec in SPECS:
        assert set(spec.needs) <= seen | {"net.tcp", "net.proxy", "net.tls"}
        seen.add(spec.id)
