"""All states of all screens as images: contact sheets, and each picture by itself at full size, into a folder.

python -m tests.tui.contact_sheets FOLDER [WORD…]     only states whose names hold one of the words

Needs pillow and the font DejaVu Sans Mono (`pip install pillow`, `apt-get install fonts-dejavu-core`).
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.tui.picture import FONT, Picture, draw, take
from tests.tui.states import STATES, State, opened, wear

if TYPE_CHECKING:
    from PIL.Image import Image

THUMB = 900
CAPTION = 26
ACROSS = 2
DOWN = 3


async def pictures(state: State) -> dict[str, Picture]:
    """By "80x24-dark"."""
    found = {}
    for size in state.sizes:
        async with opened(state, size) as (app, pilot):
            for theme in state.themes:
                if theme != state.themes[0]:
                    await wear(app, pilot, theme)
                found[f"{size[0]}x{size[1]}-{theme}"] = take(app)
    return found


def sheet(named: list[tuple[str, Image]]) -> Image:
    """Thumbnails with their names under them."""
    from PIL import Image, ImageDraw, ImageFont

    small = [(name, image.resize((THUMB, image.height * THUMB // image.width))) for name, image in named]
    high = max(image.height for _, image in small) + CAPTION
    font = ImageFont.truetype(FONT.format(""), 16)
    whole = Image.new("RGB", (ACROSS * THUMB + 10, -(-len(small) // ACROSS) * high), "#444444")
    pen = ImageDraw.Draw(whole)
    for place, (name, image) in enumerate(small):
        x, y = place % ACROSS * (THUMB + 10), place // ACROSS * high
        whole.paste(image, (x, y))
        pen.text((x + 8, y + image.height + 2), name, fill="#ffffff", font=font)
    return whole


async def write(folder: Path, words: list[str]) -> int:
    """Writes all sheets and pictures; how many pictures."""
    (folder / "single").mkdir(parents=True, exist_ok=True)
    for old in folder.glob("sheet-*.png"):
        old.unlink()
    groups: dict[str, list[tuple[str, Image]]] = {}
    for state in STATES:
        if words and not any(word in state.name for word in words):
            continue
        for kind, picture in (await pictures(state)).items():
            image = draw(picture)
            image.save(folder / "single" / f"{state.name}-{kind}.png")
            groups.setdefault(kind, []).append((f"{state.name} {kind}", image))
        print(state.name, flush=True)
    each = ACROSS * DOWN
    for kind, named in groups.items():
        for number, start in enumerate(range(0, len(named), each), 1):
            sheet(named[start : start + each]).save(folder / f"sheet-{kind}-{number:02d}.png")
    return sum(len(named) for named in groups.values())


def main(arguments: list[str]) -> int:
    if not arguments:
        print(__doc__)
        return 2
    try:
        import PIL  # noqa: F401
    except ImportError:
        print("contact sheets are drawn by pillow: pip install pillow", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    print(f"{asyncio.run(write(folder, arguments[1:]))} pictures in {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
