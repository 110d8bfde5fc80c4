"""Content parts: those of Responses items as those of Chat messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

TEXT_TYPES = ("input_text", "output_text", "text", "summary_text", "reasoning_text")


def part_text(part: Any) -> str | None:
    """The text of a text part (a refusal too), None for any other part."""
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        return None
    if part.get("type") in TEXT_TYPES and isinstance(part.get("text"), str):
        return str(part["text"])
    if part.get("type") == "refusal" and isinstance(part.get("refusal"), str):
        return str(part["refusal"])
    return None


def content_parts(content: Any) -> list[Any]:
    """Content as a list of parts: a string is one text part."""
    if content is None:
        return []
    return list(content) if isinstance(content, (list, tuple)) else [content]


def split_content(content: Any, told: list[str]) -> tuple[list[str], list[dict[str, Any]]]:
    """The texts, and everything else as Chat parts (images, files, audio), each in order. Chat has no form for some parts: they are
    described in words, and their kinds are added to `told`."""
    texts: list[str] = []
    media: list[dict[str, Any]] = []
    for part in content_parts(content):
        text = part_text(part)
        if text is not None:
            texts.append(text)
        elif (chat := _media(part)) is not None:
            media.append(chat)
        else:
            texts.append(_in_words(part, told))
    return texts, media


def user_content(content: Any, told: list[str]) -> str | list[dict[str, Any]]:
    """Content of a user message: a string, or Chat parts in order. `told` as above."""
    if isinstance(content, str):
        return content
    chat: list[dict[str, Any]] = []
    for part in content_parts(content):
        text = part_text(part)
        if text is None:
            chat.append(_media(part) or {"type": "text", "text": _in_words(part, told)})
        else:
            chat.append({"type": "text", "text": text})
    return chat


def _in_words(part: Any, told: list[str]) -> str:
    """A part for which Chat has no form. A file given by an address is described by that address."""
    kind = str(part.get("type")) if isinstance(part, Mapping) else type(part).__name__
    told.append(kind)
    if kind == "input_file" and isinstance(part.get("file_url"), str):
        return (
            f"[file {part['filename']}: {part['file_url']}]" if part.get("filename") else f"[file: {part['file_url']}]"
        )
    return json.dumps(part, ensure_ascii=False)


def _media(part: Any) -> dict[str, Any] | None:
    """An image, file or audio part in Chat's form. A part that is in Chat's form already stays."""
    if not isinstance(part, Mapping):
        return None
    kind = part.get("type")
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        detail = {"detail": part["detail"]} if isinstance(part.get("detail"), str) else {}
        return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}
    if kind == "input_file" and (part.get("file_data") or part.get("file_id")):
        names = ("file_data", "file_id", "filename")
        return {"type": "file", "file": {n: part[n] for n in names if part.get(n) is not None}}
    if kind == "image_url":
        url = part.get("image_url")
        return {"type": "image_url", "image_url": {"url": url} if isinstance(url, str) else url}
    if kind in ("file", "input_audio"):
        return dict(part)
    return None
