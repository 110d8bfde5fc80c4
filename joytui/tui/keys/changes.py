"""Makes a change of a key's policy at the gateway, and puts it back. Neither is done over somebody else's change meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from joytui.core.errors import RefusedError
from joytui.tui.keys.mend import difference

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import KeyView, PolicyView


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """A key's policy before and after."""

    key_id: str
    name: str
    before: PolicyView
    after: PolicyView

    @property
    def what(self) -> str:
        return f"the policy of {self.name}"

    async def make(self, client: ConsoleClient) -> None:
        """Raises JoytuiError."""
        await make(client, self)

    async def undo(self, client: ConsoleClient) -> None:
        """Raises JoytuiError."""
        await undo(client, self)

    def difference(self, now: datetime, zone: tzinfo | None) -> str:
        """The changed lines as a diff."""
        return difference(self.before, self.after)


async def make(client: ConsoleClient, change: PolicyChange) -> KeyView:
    """The key as it is then. Raises JoytuiError; RefusedError where the policy is not `before` any more."""
    return await _replace(client, change, change.before, change.after)


async def undo(client: ConsoleClient, change: PolicyChange) -> KeyView:
    """The same, the other way round."""
    return await _replace(client, change, change.after, change.before)


async def _replace(client: ConsoleClient, change: PolicyChange, expected: PolicyView, wanted: PolicyView) -> KeyView:
    from joytui.core.wire import KeyEdit

    key = await client.key(change.key_id)
    if key.policy != expected:
        hint = "look at it again; e on Keys edits it"
        raise RefusedError(f"the policy of {change.name} was changed in the meantime", hint=hint)
    return await client.edit_key(change.key_id, KeyEdit(policy=wanted))
