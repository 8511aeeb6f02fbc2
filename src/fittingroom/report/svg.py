"""Matplotlib figures as bytes without dates, and as SVG that can stand inside an HTML page beside others."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

#: letters as outlines, so that a chart looks the same everywhere; names inside the SVG that do not depend on chance
SVG_STYLE: Any = {"svg.fonttype": "path", "svg.hashsalt": "fittingroom"}
_METADATA: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None},
    "png": {"Software": None},
}
_DOTS_AN_INCH = 200


def figure_bytes(figure: Figure, suffix: str) -> bytes:
    """A figure as a file's content, without anything that changes from day to day.

    Args:
        figure: drawn.
        suffix: ``png``, ``pdf`` or ``svg``.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix, dpi=_DOTS_AN_INCH, metadata=_METADATA[suffix])
    return buffer.getvalue()


def inline_svg(figure: Figure, name: str, alt: str) -> Markup:
    """A figure as an ``<svg>`` element for an HTML page.

    Matplotlib names the parts of every figure alike; in one page such names would collide. Those that nothing refers to
    are dropped, the others get the figure's name in front.

    Args:
        figure: drawn.
        name: unique in the page.
        alt: what it shows, in words.
    """
    with mpl.rc_context(SVG_STYLE):
        text = figure_bytes(figure, "svg").decode("utf-8")
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
    referred = {part for pair in used for part in pair if part}

    def rename(match: re.Match[str]) -> str:
        return f' id="{name}-{match.group(1)}"' if match.group(1) in referred else ""

    text = re.sub(r' id="([^"]*)"', rename, text)
    text = re.sub(r'(?:xlink:)?href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r">\s+<", "><", text)
    head_end = text.index(">")
    box = re.search(r'viewBox="([^"]+)"', text[:head_end])
    width = float(box.group(1).split()[2]) if box else 500.0
    label = html.escape(alt, quote=True)
    head = f'<svg role="img" aria-label="{label}" viewBox="{box.group(1) if box else ""}" style="width:{width * 1.25:.0f}px"'
    return Markup(head + text[head_end:])
