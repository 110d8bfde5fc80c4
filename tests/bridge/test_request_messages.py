"""Instructions, roles and content of a Responses request as Chat messages."""

from __future__ import annotations

import pytest

from joytui.gateway.bridge.errors import BridgeError
from joytui.gateway.bridge.request import to_chat
from tests.bridge.bridging import assistant, chat, developer, messages, user

PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "high"}


def test_string_input_is_one_user_message() -> None:
    assert to_chat({"model": "m", "input": "hi"}).body["messages"] == [{"role": "user", "content": "hi"}]


def test_instructions_then_leading_developer_and_system_become_the_first_system_message() -> None:
    found = messages(developer("one", "two"), {"role": "system", "content": "three"}, user("hi"), instructions="zero")
    assert found == [{"role": "system", "content": "zero\n\none\n\ntwo\n\nthree"}, {"role": "user", "content": "hi"}]


def test_leading_texts_keep_every_character() -> None:
    texts = ["  leading space\n", "tabs\tand\u2028breaks", "ünïcode 🧪"]
    system = messages(developer(*texts), user("x"))[0]["content"]
    assert system == "\n\n".join(texts)


def test_later_developer_messages_become_the_users_words_in_place() -> None:
    roles = [(m["role"], m["content"]) for m in messages(user("a"), assistant("b"), developer("rule"), user("c"))]
    assert roles == [("user", "a"), ("assistant", "b"), ("user", "rule\n\nc")]


def test_neighbouring_user_messages_become_one_with_their_pictures_in_place() -> None:
    found = messages(user("a"), user([{"type": "input_text", "text": "see"}, PICTURE]), user("b"))
    assert [part.get("text", "picture") for part in found[0]["content"]] == ["a", "see", "picture", "b"]
    assert len(found) == 1


def test_an_assistant_message_without_anything_in_it_is_left_out() -> None:
    assert [m["role"] for m in messages(user("a"), assistant(" "), user("b"))] == ["user"]


def test_no_system_message_without_instructions() -> None:
    assert [m["role"] for m in messages(user("hi"))] == ["user"]


def test_empty_instructions_are_no_message() -> None:
    assert [m["role"] for m in messages(user("hi"), instructions="")] == ["user"]


def test_image_in_a_developer_message_is_not_lost() -> None:
    item = {"role": "developer", "content": [{"type": "input_text", "text": "look"}, PICTURE]}
    found = messages(item, user("hi"))
    assert found[0] == {"role": "system", "content": "look"}
    assert found[1]["content"][0]["image_url"]["url"] == PICTURE["image_url"]


def test_user_text_parts_become_one_text() -> None:
    content = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
    assert messages(user(content))[0]["content"] == "a\nb"


def test_one_user_text_part_is_a_string() -> None:
    assert messages(user([{"type": "input_text", "text": "a"}]))[0]["content"] == "a"


def test_image_keeps_url_and_detail() -> None:
    content = messages(user([{"type": "input_text", "text": "see"}, PICTURE]))[0]["content"]
    assert content[1] == {"type": "image_url", "image_url": {"url": PICTURE["image_url"], "detail": "high"}}


def test_file_part() -> None:
    part = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"}
    content = messages(user([part]))[0]["content"]
    assert content == [{"type": "file", "file": {"filename": "a.pdf", "file_data": part["file_data"]}}]


def test_unknown_part_stays_as_json_text() -> None:
    content = messages(user([{"type": "input_hologram", "data": 1}]))[0]["content"]
    assert '"input_hologram"' in content


def test_message_without_type_is_a_message() -> None:
    assert messages({"role": "user", "content": "hi"})[0]["content"] == "hi"


def test_assistant_text() -> None:
    found = messages(user("a"), assistant("b"), user("c"))
    assert found[1] == {"role": "assistant", "content": "b"}


def test_refusal_of_the_assistant_is_text() -> None:
    item = {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}
    assert messages(user("a"), item)[1]["content"] == "no"


def test_two_assistant_messages_stay_two() -> None:
    found = messages(user("a"), assistant("b"), assistant("c"))
    assert [m["content"] for m in found] == ["a", "b", "c"]


def test_item_of_unknown_kind_keeps_its_text() -> None:
    made = chat(user("a"), {"type": "postcard", "content": [{"type": "input_text", "text": "from a friend"}]})
    assert made.body["messages"][-1] == {"role": "user", "content": "a\n\nfrom a friend"}
    assert made.notes == ["item postcard was taken as text"]


def agent_message(payload: str) -> dict[str, object]:
    """The item by which Codex 0.169.0 gives a sub-agent its task."""
    head = {"type": "input_text", "text": "Message Type: NEW_TASK\nPayload:\n"}
    return {"type": "agent_message", "content": [head, {"type": "encrypted_content", "encrypted_content": payload}]}


def test_task_of_a_sub_agent_is_not_lost() -> None:
    made = chat(user("a"), agent_message("count the sheep"))
    assert made.body["messages"][-1]["content"] == "a\n\nMessage Type: NEW_TASK\nPayload:\ncount the sheep"
    assert made.notes == []


def test_task_that_another_provider_encrypted_is_not_forwarded() -> None:
    assert "gAAAA" not in str(chat(user("a"), agent_message("gAAAAAB" + "x" * 200)).body)


def test_item_of_unknown_kind_without_text_is_noted() -> None:
    made = chat(user("a"), {"type": "ghost_snapshot", "commit": "x"})
    assert len(made.body["messages"]) == 1
    assert made.notes == ["item ghost_snapshot was left out"]


def test_hosted_call_of_another_provider_is_left_out_and_noted() -> None:
    made = chat(user("a"), {"type": "web_search_call", "id": "ws_1", "status": "completed"})
    assert len(made.body["messages"]) == 1
    assert made.notes == ["item web_search_call was left out"]


@pytest.mark.parametrize("value", [None, [], ""])
def test_empty_input_is_refused(value: object) -> None:
    with pytest.raises(BridgeError, match="input is empty"):
        to_chat({"model": "m", "input": value})


@pytest.mark.parametrize("value", [5, {"a": 1}, ["text"], [None]])
def test_input_of_another_shape_is_refused(value: object) -> None:
    with pytest.raises(BridgeError, match="list of items"):
        to_chat({"model": "m", "input": value})


def test_unknown_role_is_refused() -> None:
    with pytest.raises(BridgeError, match="'wizard'"):
        messages({"role": "wizard", "content": "hi"})


def test_item_reference_is_refused_with_words() -> None:
    with pytest.raises(BridgeError, match="send them in full"):
        messages(user("a"), {"type": "item_reference", "id": "msg_1"})
