"""Behaviours of a stream that ends well, by its items: tool calls, and answers in which Codex finds nothing to show."""

from __future__ import annotations

from tests.support.behaviours import COMPLETED, CREATED, DELTA, HEALTHY, ITEM_ADDED, USAGE, add, event, message, stream
from tests.support.stream_events import completed, finished, tool_call

# Tool calls: the first answer asks for one, the second is the text

add("F_tool_call", (stream(CREATED, tool_call(), COMPLETED), HEALTHY))
add("F_tool_call_unknown", (stream(CREATED, tool_call("no_such_tool"), COMPLETED), HEALTHY))
add(
    "F_tool_call_namespace",
    (stream(CREATED, tool_call("spawn_agent", "{}", namespace="multi_agent_v1"), COMPLETED), HEALTHY),
)
add(
    "F_custom_tool_call",
    (
        stream(
            CREATED,
            finished(
                {
                    "type": "custom_tool_call",
                    "name": "apply_patch",
                    "input": "*** Begin Patch\n*** End Patch",
                    "call_id": "call_1",
                }
            ),
            COMPLETED,
        ),
        HEALTHY,
    ),
)
add("F_tool_call_bad_arguments", (stream(CREATED, tool_call(arguments="{broken"), COMPLETED), HEALTHY))
add("F_tool_call_for_ever", stream(CREATED, tool_call(), COMPLETED))

# Empty answers: Codex ends well and shows nothing

add("F_only_completed", stream(COMPLETED))
add("F_created_completed", stream(CREATED, COMPLETED))
add("F_delta_only", stream(CREATED, ITEM_ADDED, DELTA, COMPLETED))
add(
    "F_item_no_role",
    stream(CREATED, finished({"type": "message", "content": [{"type": "output_text", "text": "hi"}]}), COMPLETED),
)
add("F_output_only_in_completed", stream(CREATED, completed(id="resp_1", output=[message()], usage=USAGE)))
add("F_item_user_role", stream(CREATED, finished({**message(), "role": "user"}), COMPLETED))
add(
    "F_item_empty_content",
    stream(CREATED, finished({"type": "message", "role": "assistant", "content": []}), COMPLETED),
)
add("F_item_empty_text", stream(CREATED, finished(message("")), COMPLETED))
add(
    "F_item_text_type",
    stream(
        CREATED,
        finished({"type": "message", "role": "assistant", "content": [{"type": "text", "text": "hi"}]}),
        COMPLETED,
    ),
)
add(
    "F_item_content_string",
    stream(CREATED, finished({"type": "message", "role": "assistant", "content": "hi"}), COMPLETED),
)
add("F_item_no_content", stream(CREATED, finished({"type": "message", "role": "assistant"}), COMPLETED))
add("F_item_unknown_type", stream(CREATED, finished({"type": "something_new", "x": 1}), COMPLETED))
add("F_item_missing", stream(CREATED, event("response.output_item.done", output_index=0), COMPLETED))
add(
    "F_item_refusal",
    stream(
        CREATED,
        finished({"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}),
        COMPLETED,
    ),
)
add("F_item_system_role", stream(CREATED, finished({**message(), "role": "system"}), COMPLETED))
add("F_reasoning_only", stream(CREATED, finished({"type": "reasoning", "id": "rs_1", "summary": []}), COMPLETED))
add("F_item_added_only", stream(CREATED, event("response.output_item.added", item=message()), COMPLETED))
