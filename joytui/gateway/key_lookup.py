"""The keys in memory, as requests look them up: a copy of what the store has (`Gateway` keeps it fresh).

A lookup is a SHA-256 and a dictionary. Policies are parsed when a key is loaded, never per request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from joytui.core.clock import now_ms, rfc3339
from joytui.gateway import refusals
from joytui.gateway.plain_keys import complaint, digest
from joytui.gateway.policy import Policy, parse_policy
from joytui.ledger.records import KeyRow


@dataclass(slots=True)
class KeyEntry:
    """A key ready for use. `running` counts its requests in flight."""

    row: KeyRow
    policy: Policy
    running: int = 0

    @property
    def state(self) -> str:
        """active, disabled, revoked or expired."""
        row = self.row
        if row.state == "active" and row.expires_at is not None and row.expires_at <= now_ms():
            return "expired"
        return row.state


class KeyLookup:
    def __init__(self, rows: Iterable[KeyRow] = ()) -> None:
        self._by_digest: dict[bytes, KeyEntry] = {}
        self._by_id: dict[str, KeyEntry] = {}
        for row in rows:
            self.put(row)

    def replace(self, rows: Iterable[KeyRow]) -> None:
        """Takes over all keys of the store; a key that is not there any more goes."""
        rows = list(rows)
        for row in rows:
            self.put(row)
        ids, digests = {row.id for row in rows}, {row.digest for row in rows}
        self._by_id = {key_id: entry for key_id, entry in self._by_id.items() if key_id in ids}
        self._by_digest = {digest: entry for digest, entry in self._by_digest.items() if digest in digests}

    def within(self, seen: Callable[[KeyRow], bool]) -> KeyLookup:
        """Those of the keys, for who sees no others. Of the same entries: what runs counts in both."""
        among = KeyLookup()
        among._by_id = {key_id: entry for key_id, entry in self._by_id.items() if seen(entry.row)}
        among._by_digest = {entry.row.digest: entry for entry in among}
        return among

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[KeyEntry]:
        return iter(self._by_id.values())

    @property
    def usable(self) -> int:
        """Keys that may still be used some day: active or disabled."""
        return sum(1 for entry in self._by_id.values() if entry.state in ("active", "disabled"))

    def put(self, row: KeyRow) -> KeyEntry:
        """Takes a new or changed key. Requests in flight keep the policy that they were admitted under."""
        entry = KeyEntry(row, parse_policy(row.policy))
        if old := self._by_id.get(row.id):
            entry.running = old.running
            old.row, old.policy = entry.row, entry.policy
            entry = old
        self._by_digest[row.digest] = self._by_id[row.id] = entry
        return entry

    def get(self, key_id: str) -> KeyEntry | None:
        return self._by_id.get(key_id)

    def named(self, text: str, *, surely: bool = False) -> KeyEntry | None:
        """By id, or by name where only one key has it that is neither revoked nor expired. Of a key and the one that it was
        rotated to the new one is meant, unless it must be sure."""
        if entry := self._by_id.get(text):
            return entry
        found = [e for e in self._by_id.values() if e.row.name == text]
        live = [e for e in found if e.state in ("active", "disabled")]
        if not surely:
            ids = {e.row.id for e in live}
            live = [e for e in live if e.row.replaced_by not in ids]
        return live[0] if len(live) == 1 else found[0] if len(found) == 1 else None

    def addressed(self, text: str, *, surely: bool = False) -> KeyEntry:
        """The same. Raises Refused: 404 where no key is meant, 409 where more than one may be."""
        if entry := self.named(text, surely=surely):
            return entry
        if same := [e for e in self if e.row.name == text]:
            live = [_told(e) for e in same if e.state in ("active", "disabled")]
            which = (
                f"{' and '.join(live)} have that name"
                if live
                else "more than one key had that name, and none is active"
            )
            message = f"{which}: use the id (`joytui keys list --all` shows it)"
            raise refusals.Refused(409, refusals.CONFLICT, message)
        raise refusals.Refused(
            404, refusals.NOT_FOUND, "no key with that id or name (`joytui keys list --all` shows them)"
        )

    def check_name(self, name: str) -> None:
        """Raises Refused (409) where an active key has that name."""
        if any(e.row.name == name and e.state == "active" for e in self):
            raise refusals.name_taken(name)

    def check_enabling(self, name: str) -> None:
        """The same for a key that is to be active again, with the way out."""
        if other := next((e for e in self if e.row.name == name and e.state == "active"), None):
            raise refusals.enabled_twice(name, other.row.id)

    def find(self, plain: str) -> KeyEntry | None:
        return self._by_digest.get(digest(plain))

    def judge(self, plain: str | None) -> KeyEntry:
        """The key that a request shows. Raises Refused: 401 without one, 403 invalid_api_key for one that is not good."""
        if not plain:
            raise refusals.missing_key()
        entry = self._by_digest.get(digest(plain))
        if entry is None:
            wrong = complaint(plain)
            raise refusals.bad_key(f"invalid api key: not copied correctly ({wrong})" if wrong else "invalid api key")
        return entry

    def check_state(self, entry: KeyEntry) -> None:
        """Raises Refused (403 invalid_api_key) unless the key is active."""
        state = entry.state
        if state != "active":
            since = entry.row.revoked_at if state == "revoked" else entry.row.expires_at if state == "expired" else None
            raise refusals.bad_key(
                f"invalid api key: this key is {state}" + (f" since {_time(since)}" if since else "")
            )


def credential(headers: Mapping[str, str]) -> str | None:
    """The key that a request carries: X-API-Key before Bearer (docs-dev.joytokens.ai, authentication)."""
    if direct := headers.get("x-api-key", "").strip():
        return direct
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None


def _told(entry: KeyEntry) -> str:
    """A key among others of its name: "key_1 (jt_…abcd, replaced by key_2, until 2026-11-24T…)"."""
    row = entry.row
    facts = [row.hint, *([f"replaced by {row.replaced_by}"] if row.replaced_by else [])]
    facts += [f"until {_time(row.expires_at)}"] if row.expires_at is not None else []
    return f"{row.id} ({', '.join([*facts, *([entry.state] if entry.state != 'active' else [])])})"


def _time(ms: int) -> str:
    from datetime import UTC, datetime

    return rfc3339(datetime.fromtimestamp(ms / 1000, UTC))[:19] + "Z"
