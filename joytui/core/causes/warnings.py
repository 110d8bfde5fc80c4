"""What does not stop Codex but will bite: never a verdict."""

from __future__ import annotations

from typing import Final

from joytui.core.causes.cause_record import Cause

WARNINGS: Final = (
    Cause(
        id="codex-not-found",
        row="other",
        title="No Codex found on PATH",
        explanation="The newest known rules were applied.",
        remedy="npm install -g @openai/codex",
        warning_only=True,
    ),
    Cause(
        id="profile-file-missing",
        row="other",
        title="The profile file does not exist",
        explanation="Codex ignores a profile that it cannot find, without a word.",
        remedy="Correct the name after -p.",
        warning_only=True,
    ),
    Cause(
        id="openai-base-url-ignored",
        row="no-logs",
        title="OPENAI_BASE_URL has no effect",
        explanation="This Codex does not read that variable.",
        remedy="Use base_url in the provider's table, or the key openai_base_url.",
        warning_only=True,
    ),
    Cause(
        id="model-defaulted",
        row="model-not-found",
        title="No model is set",
        explanation="Codex asks for its own default, not for auto.",
        remedy='Write model = "auto".',
        warning_only=True,
    ),
    Cause(
        id="model-overridden",
        row="model-not-found",
        title="Another layer sets another model",
        explanation="config.toml says one model, and a stronger layer another.",
        remedy="Look at `joytui codex config`.",
        warning_only=True,
    ),
    Cause(
        id="model-changes-wire-shape",
        row="model-not-found",
        title="This model name changes what Codex sends",
        explanation="For names that Codex knows it uses other tools, or another form of request, which a bridge may not understand.",
        remedy='model = "auto" uses the plain form.',
        warning_only=True,
    ),
    Cause(
        id="project-keys-ignored",
        row="no-logs",
        title="Codex ignores keys in the project's config.toml",
        explanation="A project may not choose the provider.",
        remedy="Move them to the user's config.toml.",
        warning_only=True,
    ),
    Cause(
        id="provider-named-openai",
        row="other",
        title='The provider\'s name is "OpenAI"',
        explanation="Codex then treats it as OpenAI; compacting a long thread can fail.",
        remedy="Give it another name.",
        warning_only=True,
    ),
    Cause(
        id="websocket-fallback",
        row="other",
        title="Codex tries a WebSocket first",
        explanation="It falls back to HTTP after several attempts, which costs some seconds at each start.",
        remedy="Remove supports_websockets.",
        warning_only=True,
    ),
    Cause(
        id="plain-http",
        row="other",
        title="The key travels unencrypted",
        explanation="base_url is http:// to another machine.",
        remedy="Use https://.",
        warning_only=True,
    ),
    Cause(
        id="key-placeholder",
        row="401",
        title="The key is the placeholder of the guide",
        explanation="jt_xxx stands for your own key.",
        remedy="Create a key, and export it.",
        warning_only=True,
    ),
    Cause(
        id="key-other-vendor",
        row="401",
        title="The key looks like another vendor's",
        explanation="JoyToken keys begin with jt_.",
        remedy="Check which key is exported.",
        warning_only=True,
    ),
    Cause(
        id="slow-answer",
        row="other",
        title="The gateway answers slowly",
        explanation="It took several seconds to the first event.",
        remedy="Compare models, or look at the gateway's latencies.",
        warning_only=True,
    ),
)
