"""Streams whose one message has a field that Codex reads, or cannot: then the whole item is dropped and the answer is empty."""

from __future__ import annotations

from typing import Any

from tests.support.behaviours import COMPLETED, CREATED, add, event, message, stream


def _answers_with(name: str, item: dict[str, Any]) -> None:
    add(f"I_{name}", stream(CREATED, event("response.output_item.done", item=item), COMPLETED))


def _part(**fields: object) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi", **fields}]}


def _beside(part: object) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}, part]}


_METADATA = "internal_chat_message_metadata_passthrough"
for name, field, value in (
    ("phase_null", "phase", None),
    ("phase_final_answer", "phase", "final_answer"),
    ("phase_other", "phase", "final"),
    ("phase_number", "phase", 5),
    ("status_other", "status", "x"),
    ("status_object", "status", {}),
    ("status_truth", "status", True),
    ("metadata_empty", _METADATA, {}),
    ("metadata_list", _METADATA, []),
    ("metadata_string", _METADATA, "x"),
    ("metadata_turn_number", _METADATA, {"turn_id": 5}),
    ("channel_number", "channel", 5),
):
    _answers_with(name, message("hi", **{field: value}))
_answers_with("annotations_null", _part(annotations=None))
_answers_with("annotations_of_numbers", _part(annotations=[5]))
_answers_with("annotations_object", _part(annotations={}))
_answers_with("annotations_string", _part(annotations="x"))
_answers_with("logprobs_object", _part(logprobs={}))
_answers_with("logprobs_list", _part(logprobs=[{"token": "a"}]))
for detail in ("original", "x", 5, None):
    _answers_with(f"detail_{detail}", _beside({"type": "input_image", "image_url": "u", "detail": detail}))
_answers_with("beside_audio", _beside({"type": "input_audio", "file_id": "x"}))
_answers_with("beside_file", _beside({"type": "input_file", "file_id": "x"}))
_answers_with("beside_refusal", _beside({"type": "refusal", "refusal": "no"}))
_answers_with("beside_words", _beside("hi"))
_answers_with("role_upper", {**_part(), "role": "Assistant"})
