"""The limits of a node of the tree of budgets, and a raise of them: asked, shown once more, and made by a second Enter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Button, Input, Static

from joytui.core.clock import parse_time
from joytui.core.errors import JoytuiError
from joytui.core.nodes import parse_node
from joytui.tui.budgets.form import (
    AMOUNT,
    NODE,
    UNTIL,
    UNTIL_OF_TASK,
    limit_fields,
    limit_words,
    limits_wanted,
    node_wanted,
    present,
    raise_wanted,
    raise_words,
    texts_of,
)
from joytui.tui.budgets.reading import known_nodes
from joytui.tui.form_field import Field
from joytui.tui.shown import visible
from joytui.tui.widgets.form import FormDialog

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import NodeBudget, NodeLimit


class NodeForm(FormDialog[str]):
    """Dismisses with a sentence about what was done. Subclasses say which fields there are, what will be done (`sentence`), and do it
    (`act`)."""

    BUTTON: ClassVar[str] = ""
    NOTE: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "submit", "Save", priority=True)]

    class Ended(Message):
        def __init__(self, words: str, problem: str = "") -> None:
            super().__init__()
            self.words = words
            self.problem = problem

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._agreed: Mapping[str, str] | None = None

    def dialog_title(self) -> str:
        return visible(self._title, limit=70).replace("\n", " ")

    @property
    def fields(self) -> Sequence[Field]:
        return ()

    @property
    def texts(self) -> Mapping[str, str]:
        """What stands in the fields at first."""
        return {}

    def sentence(self, values: Mapping[str, str]) -> str:
        return ""

    async def act(self, client: ConsoleClient, values: Mapping[str, str]) -> None:
        """Raises JoytuiError."""

    def compose_dialog(self) -> ComposeResult:
        limits = Static(id="present", classes="note")
        limits.display = False
        yield limits
        yield from self.rows(self.fields, self.texts)
        yield Static(self.NOTE, classes="note")
        yield Static(id="outcome")
        with Horizontal(id="buttons"):
            yield Button("Cancel", id="cancel")
            yield Button(self.BUTTON, id="ok")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_submit()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "ok":
            self.action_submit()
        else:
            self.dismiss(None)

    def action_submit(self) -> None:
        """First what will be done; the same once more does it."""
        values, client = self.checked(), self.console.client
        if values is None:
            self._agreed = None
            self._say("", "")
        elif not self.console.may_change():
            self._say("✗ this console cannot change anything at the gateway", "$error")
        elif values != self._agreed:
            self._agreed = values
            self._say(f"▲ {self.sentence(values)}\n  ⏎ again does it", "$warning")
        elif client is None:
            self._say("✗ there is no gateway to ask", "$error")
        else:
            self._agreed = None
            self._say("◌ asking the gateway", "$quiet")
            self.run_worker(self._acting(client, values), exclusive=True, exit_on_error=False)

    async def _acting(self, client: ConsoleClient, values: Mapping[str, str]) -> None:
        words = self.sentence(values)
        try:
            await self.act(client, values)
        except JoytuiError as error:
            self.post_message(self.Ended("", error.what))
        else:
            self.post_message(self.Ended(words))

    def on_node_form_ended(self, message: Ended) -> None:
        if message.problem:
            self._say(f"✗ {message.problem}", "$error")
        else:
            self.dismiss(message.words)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)

    def _say(self, text: str, style: str) -> None:
        self.query_one("#outcome", Static).update(Content.styled(visible(text, limit=400), style))


class LimitsForm(NodeForm):
    """`node`: whose limits; None: the form asks for the node, too. `words` is what a person calls it."""

    BUTTON = "Set"
    NOTE = "A request must fit into the limits of its task, key, owner and team, and of the organisation."

    class Known(Message):
        def __init__(self, nodes: Mapping[str, str]) -> None:
            super().__init__()
            self.nodes = nodes

    def __init__(self, node: NodeBudget | None, words: str) -> None:
        super().__init__(f"Limits of {words}" if node else "A limit for another node")
        self._node, self._words = node, words
        self._known: Mapping[str, str] = {}

    @property
    def fields(self) -> Sequence[Field]:
        return limit_fields(self._node.kind) if self._node else (NODE, *limit_fields("org"))

    @property
    def texts(self) -> Mapping[str, str]:
        return texts_of(self._node) if self._node else {}

    def on_mount(self) -> None:
        if self._node is None and self.console.client is not None:
            self.run_worker(self._learn(self.console.client), group="learn", exit_on_error=False)

    async def _learn(self, client: ConsoleClient) -> None:
        try:
            self.post_message(self.Known(await known_nodes(client)))
        except JoytuiError as error:
            self.post_message(self.Ended("", error.what))

    def on_limits_form_known(self, message: Known) -> None:
        self._known = message.nodes
        self.query_one("#node", Input).suggester = SuggestFromList(list(message.nodes), case_sensitive=False)

    def problems(self, values: Mapping[str, str]) -> Mapping[str, str]:
        wrong = limits_wanted(values, self.texts)[1]
        if self._node is None:
            wrong = {name: text for name, text in wrong.items() if name != "node"}
            try:
                node_wanted(values["node"], self._known)
            except ValueError as error:
                wrong["node"] = str(error)
            if not any(values[field.name].strip() for field in self.fields[1:]):
                wrong.setdefault("daily_limit", "at least one limit")
        return wrong

    def sentence(self, values: Mapping[str, str]) -> str:
        words = self._words if self._node else values["node"].strip()
        return f"{words}: {limit_words(limits_wanted(values, self.texts)[0], self.texts)}"

    async def act(self, client: ConsoleClient, values: Mapping[str, str]) -> None:
        node = self._node.node if self._node else node_wanted(values["node"], self._known)
        await client.set_budget(node, limits_wanted(values, self.texts)[0])


class RaiseForm(NodeForm):
    """`node` as the API calls it, `limits` those that it has, as far as they are known."""

    BUTTON = "Raise"
    NOTE = "Every limit of the node is raised until then. A new raise replaces an earlier one."

    class Limits(Message):
        """Those that the node has now; empty: none is known."""

        def __init__(self, limits: Sequence[NodeLimit]) -> None:
            super().__init__()
            self.limits = limits

    def __init__(self, node: str, words: str, limits: Sequence[NodeLimit] = ()) -> None:
        super().__init__(f"Raise {words}")
        self._node, self._words, self._limits = node, words, list(limits)
        self._kind = parse_node(node).kind

    def on_mount(self) -> None:
        self.query_one("#present").display = True
        if self._limits:
            self._show_present()
        elif self.console.client is not None:
            self.query_one("#present", Static).update("◌ asking the gateway")
            self.run_worker(self._look(self.console.client), group="look", exit_on_error=False)

    async def _look(self, client: ConsoleClient) -> None:
        try:
            node = next((one for one in await client.budgets() if one.node == self._node), None)
        except JoytuiError as error:
            self.post_message(self.Ended("", error.what))
        else:
            self.post_message(self.Limits(node.limits if node else ()))

    def on_raise_form_limits(self, message: Limits) -> None:
        self._limits = list(message.limits)
        self._show_present()

    def _show_present(self) -> None:
        """What each limit is now, and what is spent of it."""
        none = f"{self._words} has no limit of its own: the gateway refuses to raise it."
        lines = [present(limit, self.now(), self.console.options.zone) for limit in self._limits] or [none]
        self.query_one("#present", Static).update(Content("\n".join(visible(line, limit=200) for line in lines)))

    @property
    def fields(self) -> Sequence[Field]:
        return (AMOUNT, UNTIL_OF_TASK if self._kind == "task" else UNTIL)

    def problems(self, values: Mapping[str, str]) -> Mapping[str, str]:
        return raise_wanted(values, self._kind, self.now())[1]

    def sentence(self, values: Mapping[str, str]) -> str:
        (amount, until), _ = raise_wanted(values, self._kind, self.now())
        moment = parse_time(until) if until else None
        return f"{self._words}: {raise_words(self._limits, amount, moment, self.now(), self.console.options.zone)}"

    async def act(self, client: ConsoleClient, values: Mapping[str, str]) -> None:
        (amount, until), _ = raise_wanted(values, self._kind, self.now())
        await client.raise_budget(self._node, amount, until)
