"""Every cause that the doctor can name, one record each: grep an id and land on all that is known of it.

    cause.py      what a cause is made of
    questions.py  what to ask the user for, to tell causes apart
    configuration, credential, network, gateway, stream, warnings    the causes, by where the fault is

What a cause does not hold is registered by its id: what detects it (codex/, doctor/, gateway/), and what fixes it
(doctor/fix). tests/causes holds the parts together and says which file lacks one.
Facts about Codex are those of Codex 0.169.0 unless another version is named.
"""

from __future__ import annotations

from typing import Final

from joytui.causes.cause import Cause, RowText, Sign
from joytui.causes.configuration import CONFIGURATION
from joytui.causes.credential import CREDENTIAL
from joytui.causes.gateway import GATEWAY
from joytui.causes.network import NETWORK
from joytui.causes.stream import STREAM
from joytui.causes.warnings import WARNINGS
from joytui.core.records import ROWS, Row

__all__ = ["BY_CODE", "BY_STATUS", "CAUSES", "ROW_TEXTS", "Cause", "RowText", "Sign", "by_row", "causes_of"]

ROW_TEXTS: Final[dict[Row, RowText]] = {
    text.row: text
    for text in (
        RowText("401", "401 Unauthorized", "JOY_TOKEN_API_KEY is set and copied correctly"),
        RowText("403", "403 Forbidden", "key policy allows the current IP, tier and model"),
        RowText("402", "402 Payment Required", "wallet balance, quota or budget is sufficient"),
        RowText("model-not-found", "Model not found", "use `auto` or a model key from the JoyToken catalog"),
        RowText("no-logs", "No JoyToken logs", '`model_provider = "joytoken"` and base_url includes `/openai/v1`'),
        RowText("other", "(not in the table)", "everything that the table does not know"),
    )
}

CAUSES: Final[dict[str, Cause]] = {
    one.id: one for one in (*CONFIGURATION, *CREDENTIAL, *NETWORK, *GATEWAY, *STREAM, *WARNINGS)
}
"""By id, in the order of the catalogue."""
BY_STATUS: Final[dict[int, str]] = {status: one.id for one in CAUSES.values() for status in one.gateway.statuses}
"""What an HTTP status means where nothing else in the answer tells."""
BY_CODE: Final[dict[str, str]] = {code: one.id for one in CAUSES.values() for code in one.gateway.codes}
"""What a value of error.type or error.code (in lower case) means."""


def by_row() -> dict[Row, tuple[Cause, ...]]:
    """All causes that can be a verdict, grouped by row in the order of the table."""
    return {row: tuple(c for c in CAUSES.values() if c.row == row and not c.warning_only) for row in ROWS}


def causes_of(cause: Cause, sign: Sign) -> tuple[str, ...]:
    """The ids of all causes that show a sign of this cause, likeliest first."""
    return tuple(dict.fromkeys((cause.id, *sign.others)))
