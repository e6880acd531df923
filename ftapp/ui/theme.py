"""The look of every screen: system fonts, one accent (deep teal), one warning (amber), paper and ink.

Only colours, fonts and spacing; what stands where is in the tabs, what a letter looks like is in app.css.
"""

from pathlib import Path

from gradio.themes.base import Base
from gradio.themes.utils import colors, sizes

HERE = Path(__file__).parent
TEAL = colors.Color("#eff7f6", "#d7ecea", "#b0d9d5", "#7fbfba", "#4a9f9a", "#1f7f7a", "#14635f", "#0f504d", "#0c403e", "#0a3331", "#062322")
INK = colors.Color("#faf9f6", "#f3f1ec", "#e6e3db", "#d2cec4", "#a5a096", "#777269", "#57534b", "#413e38", "#2a2925", "#1e1e1b", "#151513")
SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
# "dark" values are chosen for the dark page, not computed from the light ones.
CALM = {
    "body_background_fill": ("#faf9f6", "#171715"),
    "body_text_color": ("#262521", "#e8e5dd"),
    "body_text_color_subdued": ("#6a665d", "#a09b90"),
    "background_fill_primary": ("#ffffff", "#1e1e1b"),
    "background_fill_secondary": ("#f6f4ef", "#232320"),
    "block_background_fill": ("transparent", "transparent"),
    "block_border_color": ("#e2dfd6", "#383732"),
    "border_color_primary": ("#e2dfd6", "#383732"),
    "block_label_background_fill": ("transparent", "transparent"),
    "block_label_text_color": ("#57534b", "#b5b0a5"),
    "block_title_text_color": ("#57534b", "#b5b0a5"),
    "block_info_text_color": ("#6a665d", "#a09b90"),
    "input_background_fill": ("#ffffff", "#1e1e1b"),
    "input_border_color": ("#d8d4ca", "#403f39"),
    "input_border_color_focus": ("#1f7f7a", "#4a9f9a"),
    "input_placeholder_color": ("#736e64", "#969084"),
    "color_accent_soft": ("#eff7f6", "#1b302f"),
    "button_primary_background_fill": ("#14635f", "#267c77"),
    "button_primary_background_fill_hover": ("#0f504d", "#1f6b67"),
    "button_primary_border_color": ("#14635f", "#267c77"),
    "button_primary_border_color_hover": ("#0f504d", "#1f6b67"),
    "button_primary_text_color": ("#ffffff", "#ffffff"),
    "button_secondary_background_fill": ("#ffffff", "#262622"),
    "button_secondary_background_fill_hover": ("#f3f1ec", "#31302b"),
    "button_secondary_border_color": ("#d2cec4", "#474640"),
    "button_secondary_border_color_hover": ("#a5a096", "#68665d"),
    "button_secondary_text_color": ("#262521", "#e8e5dd"),
    "error_background_fill": ("#fdf6e7", "#2e2616"),
    "error_border_color": ("#c98a12", "#8a6418"),
    "error_text_color": ("#6f4a06", "#f0c778"),
    "error_icon_color": ("#b7791f", "#e0a63f"),
    "link_text_color": ("#14635f", "#7fbfba"),
    "checkbox_background_color_selected": ("#14635f", "#2b8580"),
    "checkbox_border_color_selected": ("#14635f", "#2b8580"),
}


def theme() -> Base:
    """The one theme; every font in it is already on the reader's machine, so no page asks for one."""
    made = Base(
        primary_hue=TEAL, secondary_hue=TEAL, neutral_hue=INK, font=SANS, font_mono=MONO,
        text_size=sizes.text_md, spacing_size=sizes.spacing_md, radius_size=sizes.radius_sm,
    )  # fmt: skip
    values = {name: light for name, (light, _) in CALM.items()} | {f"{name}_dark": dark for name, (_, dark) in CALM.items()}
    return made.set(
        **values, block_border_width="0px", block_shadow="none", block_shadow_dark="none", block_label_text_weight="500",
        block_title_text_weight="500", block_padding="0px", button_primary_shadow="none", button_large_text_weight="500",
        block_label_border_width="0px", input_border_width="1px", layout_gap="16px", form_gap_width="0px",
        button_large_padding="8px 16px", button_medium_padding="8px 12px", button_small_padding="4px 8px",
    )  # fmt: skip


def css() -> str:
    return "".join((HERE / name).read_text(encoding="utf-8") for name in ("app.css", "voice.css"))


def head() -> str:
    """The page's own scripts, inline: nothing is fetched from elsewhere."""
    return "".join(f"<script>{(HERE / name).read_text(encoding='utf-8')}</script>" for name in ("keys.js", "label.js"))
