"""Makes a change of a key's policy at the gateway, and puts it back. Neither is done over somebody else's change meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from joytui.core.errors import RefusedError
from joytui.tui.keys.mend import difference

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import PolicyView


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
        """Raises JoytuiError; RefusedError where the policy is not `before` any more."""
        await self._replace(client, self.before, self.after)

    async def undo(self, client: ConsoleClient) -> None:
        """The same, the other way round."""
        await self._replace(client, self.after, self.before)

    def difference(self, now: datetime, zone: tzinfo | None) -> str:
        """The changed lines as a diff."""
        return difference(self.before, self.after)

    async def _replace(self, client: ConsoleClient, expected: PolicyView, wanted: PolicyView) -> None:
        from joytui.core.wire import KeyEdit

        if (await client.key(self.key_id)).policy != expected:
            hint = "look at it again; e on Keys edits it"
            raise RefusedError(f"the policy of {self.name} was changed in the meantime", hint=hint)
        await client.edit_key(self.key_id, KeyEdit(policy_changes=expected.changes_to(wanted)))
