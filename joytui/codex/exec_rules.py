"""The rules of `rules/*.rules`: what may run without a question. One file that Codex cannot read stops it before any request.

Source: Codex 0.169.0, observed. The files are Starlark, of $CODEX_HOME/rules and of a trusted project's .codex/rules, not of
folders below them; `codex exec --ignore-rules` leaves them out. Starlark is read here as the Python that it is nearly a part
of: what neither accepts, what Python has and Starlark has not, and the arguments of a rule where they are there plainly.
What only running it would show (an example that no rule matches) is not looked for.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

from joytui.codex.survey import Survey
from joytui.codex.world import Stage
from joytui.core.plain_file import NotPlainError, plain_content

_LIMIT = 4 * 2**20
_DECISIONS = ("allow", "prompt", "forbidden")
_PARAMETERS = ("pattern", "decision", "match", "not_match", "justification")
_NAMES = frozenset((
    "prefix_rule", "network_rule", "host_executable", "abs", "all", "any", "bool", "breakpoint", "call_stack", "chr",
    "debug", "dict", "dir", "enum", "enumerate", "eval_type", "fail", "field", "filter", "float", "getattr",
    "hasattr", "hash", "int", "isinstance", "json", "len", "list", "map", "max", "min", "namespace", "ord",
    "partial", "pprint", "pprepr", "pstr", "prepr", "print", "range", "record", "repr", "reversed", "set", "sorted",
    "str", "struct", "tuple", "type", "typing", "zip",
))  # fmt: skip
"""The rules, and every name that a Starlark may bring along; more than Codex's has."""
_RESERVED: tuple[tuple[type[ast.AST], str], ...] = (
    (ast.Import, "import"), (ast.ImportFrom, "from"), (ast.ClassDef, "class"), (ast.While, "while"), (ast.With, "with"),
    (ast.Try, "try"), (ast.Raise, "raise"), (ast.Assert, "assert"), (ast.Global, "global"), (ast.Nonlocal, "nonlocal"),
    (ast.Delete, "del"), (ast.Yield, "yield"), (ast.YieldFrom, "yield"), (ast.AsyncFunctionDef, "async"),
    (ast.Await, "await"), (ast.Is, "is"), (ast.IsNot, "is"),
)  # fmt: skip


def check_rules(state: Survey) -> None:
    """Adds the first rules file that Codex does not load."""
    if not state.rules.checks_exec_rules or state.command.ignore_rules:
        return
    for path, line, reason in (fault for folder in state.rule_folders for fault in _folder_faults(folder)):
        where = f"{path}:{line}" if line else str(path)
        told = f"{where}: {reason} (problem is on or around line {line})" if line else reason
        state.add(
            "rules-invalid", "refuses", Stage.RULES, f"Codex cannot load {path}: {reason}", message=f"Error loading rules:\n{told}",
            where=where, details={"path": str(path), "problem": reason},
        )  # fmt: skip
        return


def _folder_faults(folder: Path) -> Iterator[tuple[Path, int, str]]:
    """(file, line or 0, Codex's reason) of each file with a fault, by name."""
    try:
        names = sorted(path for path in folder.iterdir() if path.suffix == ".rules")
    except (FileNotFoundError, PermissionError):  # a .codex that may not be entered is none (observed)
        return
    except OSError as error:
        yield folder, 0, f"failed to read rules files from {folder}: {error.strerror} (os error {error.errno})"
        return
    for path in names:
        if path.is_dir():
            continue
        try:
            fault = rules_fault(plain_content(path, _LIMIT).decode("utf-8"))
        except NotPlainError:
            continue
        except UnicodeDecodeError:
            yield path, 0, f"failed to read rules file {path}: stream did not contain valid UTF-8"
        except OSError as error:
            yield path, 0, f"failed to read rules file {path}: {error.strerror} (os error {error.errno})"
        else:
            if fault is not None:
                yield path, *fault


def rules_fault(text: str) -> tuple[int, str] | None:
    """The line (from 1) and the reason for which Codex refuses the text of a rules file; None if none was found."""
    if text.startswith("\ufeff"):
        return 1, "starlark error: error: Parse error: invalid input `\ufeff`"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a string's odd escape is no matter of ours
            tree = ast.parse(text)
    except SyntaxError as error:
        return error.lineno or 1, f"starlark error: error: Parse error: {error.msg}"
    except (ValueError, RecursionError, MemoryError):
        return None
    if line := _tab(text):
        return line, "starlark error: error: Parse error: tabs are not allowed"
    return _reserved(tree) or _refused_call(tree)


def _tab(text: str) -> int | None:
    """The first line that a tab indents; None if it may be in a string over several lines."""
    if '"""' in text or "'''" in text:
        return None
    return next((number for number, row in enumerate(text.split("\n"), 1) if row.startswith("\t")), None)


def _reserved(tree: ast.Module) -> tuple[int, str] | None:
    line = 1
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        line = getattr(node, "lineno", line)
        found += [(line, word) for kind, word in _RESERVED if isinstance(node, kind)]
    if not found:
        return None
    line, word = min(found)
    return line, f"starlark error: error: Parse error: cannot use reserved keyword `{word}`"


def _refused_call(tree: ast.Module) -> tuple[int, str] | None:
    """The first call at the top of the file that fails as it is there."""
    known = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    known |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for statement in tree.body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id not in known:
            reason = _unknown(call.func.id) or (_refused_rule(call) if call.func.id == "prefix_rule" else None)
            if reason:
                return call.lineno, reason
    return None


def _unknown(name: str) -> str | None:
    if name == "load":
        return "starlark error: error: No imports are available"
    return None if name in _NAMES else f"starlark error: error: Variable `{name}` not found"


def _refused_rule(call: ast.Call) -> str | None:
    """What is wrong with the plainly written arguments of a prefix_rule."""
    if call.args or any(word.arg is None for word in call.keywords):
        return None
    given = {word.arg: word.value for word in call.keywords}
    if extra := [str(name) for name in given if name not in _PARAMETERS]:
        return f"error: Found `{extra[0]}` extra named parameter(s) for call to prefix_rule"
    if "pattern" not in given:
        return "error: Missing parameter `pattern` for call to `prefix_rule`"
    pattern, decision = given["pattern"], given.get("decision")
    if isinstance(pattern, ast.Constant):
        kind = "string" if isinstance(pattern.value, str) else type(pattern.value).__name__
        return f"error: Type of parameter `pattern` doesn't match, expected `list`, actual `{kind}`"
    if isinstance(pattern, ast.List) and not pattern.elts:
        return "error: invalid pattern element: pattern cannot be empty"
    if isinstance(decision, ast.Constant) and isinstance(decision.value, str) and decision.value not in _DECISIONS:
        return f"error: invalid decision: {decision.value}"
    return None
