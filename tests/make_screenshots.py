"""Makes screenshots/: the running console over fixed data, as SVG, and as PNG where a Chromium is at hand.

python -m tests.make_screenshots [FOLDER]
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.tui import data
from tests.tui.opening import console, done, fill, settle

FOLDER = Path(__file__).parent.parent / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SIZE = (120, 36)


async def healthy(app: Any, pilot: Any) -> None:
    await fill(app, pilot)
    await app.screen.show(done(data.HEALTHY))


async def detail(app: Any, pilot: Any) -> None:
    """Logs with a refusal explained."""
    await fill(app, pilot)
    store = app.store
    last = max(i for i in range(len(store)) if store.status[i] == 402)
    app.screen.view.go(last)
    await pilot.press("enter")


Setting = tuple[str, str, str, Callable[[Any, Any], Awaitable[None]]]

SHOTS: tuple[Setting, ...] = (
    ("doctor", "doctor", "dark", fill),
    ("doctor-healthy", "doctor", "light", healthy),
    ("logs", "logs", "dark", fill),
    ("logs-refusal", "logs", "dark", detail),
    ("usage", "usage", "dark", fill),
    ("usage-light", "usage", "light", fill),
    ("keys", "keys", "dark", fill),
    ("keys-contrast", "keys", "contrast", fill),
)


async def shoot(screen: str, theme: str, prepare: Callable[[Any, Any], Awaitable[None]]) -> str:
    app = console(screen, theme=theme)
    async with app.run_test(size=SIZE) as pilot:
        await prepare(app, pilot)
        await settle(app, pilot)
        svg: str = app.export_screenshot(title="joytui")
    return svg


def to_png(svg: Path) -> bool:
    """A PNG beside the SVG; whether there was a browser to draw it."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text(encoding="utf-8"))
    if browser is None or box is None:
        return False
    width, height = (int(float(side)) + 1 for side in box.groups())
    with tempfile.TemporaryDirectory(prefix="joytui-shot-") as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]
        target = svg.with_suffix(".png").resolve()
        command = [
            browser,
            *options,
            f"--window-size={width},{height}",
            f"--screenshot={target}",
            svg.resolve().as_uri(),
        ]
        subprocess.run(command, check=True, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return True


def main(words: list[str]) -> int:
    folder = Path(words[0]) if words else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, screen, theme, prepare in SHOTS:
        file = folder / f"{name}.svg"
        file.write_text(offline(asyncio.run(shoot(screen, theme, prepare))), encoding="utf-8")
        print(file.name, "and PNG" if to_png(file) else "(no Chromium: no PNG)")
    return 0


def offline(svg: str) -> str:
    """The picture without fonts from the network, in the fonts that a reader has."""
    svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.S)
    return svg.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
