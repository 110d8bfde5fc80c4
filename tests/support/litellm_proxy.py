"""The real LiteLLM proxy from PyPI, before a Chat-only upstream on loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.hang import HANG_S, poll
from tests.support.real_programs import LITELLM, python_of

MASTER_KEY = "sk-litellm-0123456789"


@contextmanager
def litellm(folder: Path, upstream: str, models: Sequence[str]) -> Iterator[str]:
    """Its OpenAI base URL, with these models, each of which is asked for at the upstream as `openai/NAME`."""
    python = python_of(LITELLM)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    listed = [
        {"model_name": m, "litellm_params": {"model": f"openai/{m}", "api_base": upstream, "api_key": "k"}}
        for m in models
    ]
    config = folder / "litellm.json"  # JSON is YAML
    config.write_text(json.dumps({"model_list": listed, "general_settings": {"master_key": MASTER_KEY}}))
    env = {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_TELEMETRY": "False",
        "LANG": "C.UTF-8",
    }
    command = [str(python.parent / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "litellm.log").open("w") as log:
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log)
    try:
        log_file, alive = folder / "litellm.log", f"http://127.0.0.1:{port}/health/liveliness"
        poll(lambda: _answers(process, alive, log_file), log_file.read_text)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(timeout=HANG_S)


def _answers(process: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    if process.poll() is not None:
        raise AssertionError(f"LiteLLM did not start: {log.read_text()[-3000:]}")
    try:
        with urllib.request.urlopen(url, timeout=HANG_S) as answer:
            return bool(answer.status == 200)
    except OSError:  # not yet
        return False
