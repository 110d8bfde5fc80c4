"""The nodes of the tree of budgets, by name: `org`, `team:NAME`, `owner:NAME`, `key:ID` and `task:ID`.

A request needs room in each node that it is below: its task, its key, the key's owner, the owner's team, and the organisation.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Kind = Literal["org", "team", "owner", "key", "task"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""From the root down."""
ORG = "org"
MOST_NAME = 100


class Node(NamedTuple):
    """A node of the tree; `name` is that of a team or an owner, the id of a key or a task, and "" for the organisation."""

    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        return self.kind if self.kind == ORG else f"{self.kind}:{self.name}"


def parse_node(text: str) -> Node:
    """Raises ValueError, whose text says what a node is."""
    kind, colon, name = text.partition(":")
    if kind == ORG and not colon:
        return Node("org")
    for known in KINDS:
        if known == kind != ORG and name.strip() and len(name) <= MOST_NAME and name.isprintable():
            return Node(known, name)
    raise ValueError(f"{text[:60]!r} is not a node: write org, team:NAME, owner:NAME, key:ID or task:ID")
