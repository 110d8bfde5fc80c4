"""Every cause that the doctor can name: the id, its row of the guide's table, and words a support person can read aloud.

The texts stand in one module per group of the catalogue: configuration, credential, network, gateway, stream, warnings.
Facts about Codex are those of Codex 0.169.0 unless another version is named.
"""

from __future__ import annotations

from typing import Final

from joytui.core.causes.cause_record import Cause, RowText
from joytui.core.causes.configuration import CONFIGURATION
from joytui.core.causes.credential import CREDENTIAL
from joytui.core.causes.gateway import GATEWAY
from joytui.core.causes.network import NETWORK
from joytui.core.causes.stream import STREAM
from joytui.core.causes.warnings import WARNINGS
from joytui.core.records import ROWS, Row

__all__ = ["CAUSES", "ROW_TEXTS", "Cause", "RowText", "by_row"]

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

_CATALOGUE: Final = (*CONFIGURATION, *CREDENTIAL, *NETWORK, *GATEWAY, *STREAM, *WARNINGS)
CAUSES: Final[dict[str, Cause]] = {one.id: one for one in _CATALOGUE}


def by_row() -> dict[Row, tuple[Cause, ...]]:
    """All causes that can be a verdict, grouped by row in the order of the table."""
    return {row: tuple(c for c in CAUSES.values() if c.row == row and not c.warning_only) for row in ROWS}
