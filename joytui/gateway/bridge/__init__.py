"""Responses to Chat Completions and back: a pure translator, no I/O.

request     to_chat(body) -> ChatRequest      what Codex sends, as a Chat Completions request
stream      ResponsesStream(...)              Chat chunks in, Responses events out
answer      feed_completion(stream, …)        a whole Chat completion into such a stream
tools       the names of one request's tools, in both spellings
items       input items as messages; pairing  which output belongs to which call
shape       those messages as every vendor takes them, and as this one does
quirks      how one vendor differs, chosen by upstream and model; mending  what a refusal teaches of it
tags        thoughts that come in the text; leaked  calls that do
reasoning   what travels in `encrypted_content`
chunks, calls, parts, finish, usage, errors   one thing of the stream each
"""
