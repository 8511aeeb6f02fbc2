"""Typeset formulas without a network or a TeX installation: matplotlib's mathtext as SVG pictures."""

from __future__ import annotations

import base64
import html
import io
import re
from functools import lru_cache
from typing import Any

import matplotlib as mpl
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import math_to_image

from ..core.errors import InputError

_POINTS = 11.0
_STYLE: dict[Any, Any] = {"mathtext.fontset": "cm", "svg.fonttype": "path", "svg.hashsalt": "fittingroom"}


@lru_cache(maxsize=512)
def formula_svg(latex: str) -> tuple[bytes, float, float]:
    """A formula as SVG.

    Args:
        latex: without dollar signs, in mathtext's subset of LaTeX.

    Returns:
        The SVG, its height and its depth below the baseline, both in em.

    Raises:
        InputError: mathtext cannot set it.
    """
    buffer = io.BytesIO()
    try:
        with mpl.rc_context(_STYLE):
            depth = math_to_image(f"${latex}$", buffer, prop=FontProperties(size=_POINTS), dpi=72, format="svg")
    except ValueError as error:
        raise InputError(f"the formula {latex!r} cannot be typeset", mend="use matplotlib's subset of LaTeX") from error
    text = re.sub(rb"\s*<metadata>.*?</metadata>", b"", buffer.getvalue(), flags=re.DOTALL)  # it holds a date
    match = re.search(rb'height="([\d.]+)pt"', text)
    height = float(match.group(1)) if match else _POINTS
    return text, height / _POINTS, float(depth) / _POINTS


def formula_html(latex: str, *, display: bool = False) -> str:
    """A formula as an HTML picture that scales with the text; its LaTeX is the alternative text."""
    svg, height, depth = formula_svg(latex)
    data = base64.b64encode(svg).decode("ascii")
    kind = "formula display" if display else "formula"
    style = f"height:{height:.3f}em;vertical-align:{-depth:.3f}em"
    return f'<img class="{kind}" alt="{html.escape(latex, quote=True)}" style="{style}" src="data:image/svg+xml;base64,{data}">'


def with_formulas(text: str) -> str:
    """Plain text with formulas between dollar signs, as HTML."""
    parts = text.split("$")
    return "".join(formula_html(part) if index % 2 else html.escape(part) for index, part in enumerate(parts))
