"""The console's own themes: dark, light, and a high-contrast pair. Colour never carries a meaning alone.

Beyond Textual's names every theme defines `$series-1` to `$series-6` (charts, in this order), `$quiet` (secondary text
that still passes 4.5:1 on the background), `$rule` (lines and grids), `$masthead` and `$banner-*` (the verdict).
"""

from __future__ import annotations

from textual.theme import Theme

SERIES_NAMES = tuple(f"series-{n}" for n in range(1, 7))

DARK = "joytui-dark"
LIGHT = "joytui-light"
CONTRAST = "joytui-contrast"
CONTRAST_LIGHT = "joytui-contrast-light"

CHOICES = {"dark": DARK, "light": LIGHT, "contrast": CONTRAST, "contrast-light": CONTRAST_LIGHT}


def _extras(*, series: str, quiet: str, rule: str, masthead: str, good: str, bad: str, doubt: str) -> dict[str, str]:
    return {
        **dict(zip(SERIES_NAMES, series.split(), strict=True)),
        "quiet": quiet,
        "rule": rule,
        "masthead": masthead,
        "banner-good": good,
        "banner-bad": bad,
        "banner-doubt": doubt,
    }


def _shared(*, primary: str, background: str, foreground: str, rule: str, cursor: str, thumb: str) -> dict[str, str]:
    """What Textual's own widgets take from a theme, in our colours."""
    return {
        "border": primary,
        "border-blurred": rule,
        "block-cursor-background": cursor,
        "block-cursor-foreground": foreground,
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": cursor,
        "block-cursor-blurred-foreground": foreground,
        "input-cursor-background": foreground,
        "input-selection-background": f"{primary} 35%",
        "scrollbar": thumb,
        "scrollbar-hover": primary,
        "scrollbar-active": primary,
        "scrollbar-background": background,
        "scrollbar-background-hover": background,
        "scrollbar-background-active": background,
        "scrollbar-corner-color": background,
        "link-color": primary,
        "link-style": "none",
        "link-style-hover": "underline",
        "link-background-hover": "transparent",
        "link-color-hover": primary,
    }


THEMES: tuple[Theme, ...] = (
    Theme(
        name=DARK,
        dark=True,
        primary="#5ed3b8",
        secondary="#74a9ff",
        accent="#c4a3ff",
        success="#6fd08c",
        warning="#f3bf5d",
        error="#ff7a7a",
        foreground="#d9dfe9",
        background="#0f1218",
        surface="#151a22",
        panel="#1c222d",
        boost="#1c222d",
        variables={
            **_shared(
                primary="#5ed3b8",
                background="#0f1218",
                foreground="#f2f5fa",
                rule="#2a3240",
                cursor="#22404a",
                thumb="#313b4b",
            ),
            **_extras(
                series="#5ed3b8 #74a9ff #c4a3ff #f3bf5d #ff9a76 #8d99ad",
                quiet="#8b97ab",
                rule="#2a3240",
                masthead="#171d27",
                good="#14301f",
                bad="#3a1a20",
                doubt="#362a12",
            ),
        },
    ),
    Theme(
        name=LIGHT,
        dark=False,
        primary="#08776a",
        secondary="#2159b8",
        accent="#6c43b5",
        success="#1b7a3d",
        warning="#8f5a00",
        error="#bd2434",
        foreground="#20242c",
        background="#fbfaf8",
        surface="#f4f2ee",
        panel="#ebe8e2",
        boost="#ebe8e2",
        variables={
            **_shared(
                primary="#08776a",
                background="#fbfaf8",
                foreground="#101318",
                rule="#d5d0c7",
                cursor="#cfe6e0",
                thumb="#c9c3b8",
            ),
            **_extras(
                series="#08776a #2f6bd0 #7a4fc4 #a86a00 #c2512c #6b7280",
                quiet="#616875",
                rule="#d5d0c7",
                masthead="#ebe8e2",
                good="#dcefdf",
                bad="#f8dedd",
                doubt="#f6e9cc",
            ),
        },
    ),
    Theme(
        name=CONTRAST,
        dark=True,
        primary="#ffff00",
        secondary="#00ffff",
        accent="#ff9cff",
        success="#5cff5c",
        warning="#ffd000",
        error="#ff6b6b",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#1a1a1a",
        boost="#1a1a1a",
        variables={
            **_shared(
                primary="#ffff00",
                background="#000000",
                foreground="#ffffff",
                rule="#a0a0a0",
                cursor="#0033cc",
                thumb="#a0a0a0",
            ),
            **_extras(
                series="#ffff00 #00ffff #ff9cff #5cff5c #ff9c5c #ffffff",
                quiet="#d0d0d0",
                rule="#a0a0a0",
                masthead="#1a1a1a",
                good="#003300",
                bad="#4d0000",
                doubt="#403300",
            ),
        },
    ),
    Theme(
        name=CONTRAST_LIGHT,
        dark=False,
        primary="#0000c0",
        secondary="#005a5a",
        accent="#7a007a",
        success="#005200",
        warning="#6b3f00",
        error="#a30000",
        foreground="#000000",
        background="#ffffff",
        surface="#ffffff",
        panel="#eeeeee",
        boost="#eeeeee",
        variables={
            **_shared(
                primary="#0000c0",
                background="#ffffff",
                foreground="#000000",
                rule="#505050",
                cursor="#ffe97a",
                thumb="#505050",
            ),
            **_extras(
                series="#0000c0 #007878 #a000a0 #8a5200 #2f6b00 #000000",
                quiet="#303030",
                rule="#505050",
                masthead="#eeeeee",
                good="#d9f2d9",
                bad="#ffdede",
                doubt="#fff2c2",
            ),
        },
    ),
)

# For Textual's other themes, which a user may choose: the same names in terms of theirs.
FALLBACK_VARIABLES: dict[str, str] = {
    **dict(
        zip(SERIES_NAMES, ["#4fb8a3", "#5b8def", "#a07be0", "#d49a2f", "#d97757", "#8a93a3"], strict=True),
    ),
    "quiet": "#8a93a3",
    "rule": "#5a6372",
    "masthead": "#2a2f3a 40%",
    "banner-good": "#2f8f4e 25%",
    "banner-bad": "#c03a46 25%",
    "banner-doubt": "#c08a2e 25%",
}


def theme_name(choice: str | None, *, dark: bool) -> str:
    """The theme for a user's word ("auto", "dark", "contrast", a Textual theme's own name) on such a terminal.

    "contrast" alone follows the terminal's background, like "auto".
    """
    if choice in (None, "", "auto"):
        return DARK if dark else LIGHT
    if choice == "contrast":
        return CONTRAST if dark else CONTRAST_LIGHT
    return CHOICES.get(choice or "", choice or DARK)
