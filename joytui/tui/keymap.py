"""The user's own keys: `[console.keymap]` in the settings file gives an action another key.

[console.keymap]
"logs.replay" = "R"
"usage.range.week" = "f2,w"      # two keys
"export" = "ctrl+e"              # the console's own actions have no screen before them

An action is called by its screen and what it does, with its argument where one action has several keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from textual.binding import Binding, BindingType

TOGETHER = {"enable": "disable"}
"""Actions that share their key with another: they move together."""


def name_of(mode: str, action: str) -> str:
    """For example "usage.range.week" of the screen usage and the action "range('week')"."""
    place, _, rest = action.rpartition(".") if "(" not in action else ("", "", action)
    words = re.findall(r"[\w-]+", rest)
    words[0] = TOGETHER.get(words[0], words[0])
    return ".".join([*([mode] if mode and place != "app" else []), *words])


def named(mode: str, bindings: Iterable[BindingType]) -> list[BindingType]:
    """The same bindings, each with its name, by which a keymap finds it."""
    return [
        replace(one, id=name_of(mode, one.action)) if isinstance(one, Binding) and one.id is None else one
        for one in bindings
    ]


def problems(keymap: Mapping[str, str], known: Iterable[Binding]) -> list[str]:
    """What of a keymap does not hold, in words: an action that is none, a key that it takes from another action."""
    from difflib import get_close_matches

    default = {one.id: one for one in known if one.id}
    wrong = []
    for name, keys in keymap.items():
        if name not in default:
            near = get_close_matches(name, default, n=1)
            wrong.append(f"there is no action {name}" + (f", did you mean {near[0]}?" if near else ""))
            continue
        for key in keys.split(","):
            taken = [one.id for one in default.values() if key in one.key.split(",") and _beside(name, str(one.id))]
            wrong += [f"{key} now does {name}, no longer {other}" for other in taken if other not in keymap]
    return wrong


def _beside(name: str, other: str) -> bool:
    """Whether the two are keys of one screen, or one of them works everywhere."""
    screens = [one.partition(".")[0] if one.partition(".")[0] in SCREENS else "" for one in (name, other)]
    return name != other and (screens[0] == screens[1] or "" in screens)


SCREENS = ("doctor", "logs", "usage", "keys")
