"""Typeset formulas without a network or a TeX installation: matplotlib's mathtext as inline SVG outlines."""

from __future__ import annotations

import html
from functools import lru_cache

import numpy as np
from markupsafe import Markup
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath

from ..core.errors import InputError

#: outlines are computed at this size, so that coordinates are hundredths of an em
_UNITS = 100.0
#: the formula's letters against the text's around them (Computer Modern is small)
_SCALE = 1.08
_MARGIN = 3.0
_LETTERS = {Outline.MOVETO: "M", Outline.LINETO: "L", Outline.CURVE3: "Q", Outline.CURVE4: "C"}


def _path_data(outline: Outline, baseline: float) -> str:
    """The outline as SVG path data, y pointing down and the baseline at ``baseline``."""
    parts = []
    for vertices, code in outline.iter_segments(simplify=False, curves=True):
        if code == Outline.CLOSEPOLY:
            parts.append("Z")
            continue
        points = np.asarray(vertices, dtype=np.float64).reshape(-1, 2)
        text = " ".join(f"{x + _MARGIN:.1f} {baseline - y:.1f}" for x, y in points)
        parts.append(_LETTERS[np.uint8(code)] + text)
    return "".join(parts)


@lru_cache(maxsize=1024)
def formula(latex: str, *, display: bool = False) -> Markup:
    """A formula as an inline SVG that scales, sits on the text's baseline and takes the text's colour.

    It has no ids, refers to nothing and depends on nothing but its LaTeX: equal formulas give equal bytes.

    Args:
        latex: without dollar signs, in mathtext's subset of LaTeX.
        display: set on a line of its own (larger).

    Returns:
        ``<svg role="img" aria-label="...">`` with the LaTeX as its label.

    Raises:
        InputError: mathtext cannot set it.
    """
    font = FontProperties(size=_UNITS, math_fontfamily="cm")
    text = f"${latex.strip()}$"
    try:
        box = MathTextParser("path").parse(text, dpi=72, prop=font)
        outline = TextPath((0, 0), text, size=_UNITS, prop=font)
    except ValueError as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else "unknown construct"
        raise InputError(
            f"the formula {latex!r} cannot be typeset ({reason})", mend="use the subset of LaTeX that mathtext knows"
        ) from error
    # tall brackets and accents may reach beyond the box that mathtext reports
    extents = outline.get_extents()
    up = max(float(box.height), float(extents.y1)) + _MARGIN
    down = max(float(box.depth), -float(extents.y0), 0.0) + _MARGIN
    width = max(float(box.width), float(extents.x1)) + 2 * _MARGIN
    size = _SCALE / _UNITS
    style = f"width:{width * size:.3f}em;height:{(up + down) * size:.3f}em;vertical-align:{-down * size:.3f}em"
    kind = "formula display" if display else "formula"
    return Markup(
        f'<svg class="{kind}" role="img" aria-label="{html.escape(latex.strip(), quote=True)}" style="{style}" '
        f'viewBox="0 0 {width:.1f} {up + down:.1f}"><path fill="currentColor" d="{_path_data(outline, up)}"/></svg>'
    )


def formula_or_source(latex: str, *, display: bool = False) -> Markup:
    """The formula; one that cannot be set (a third party's) stands there as its LaTeX in ``<code>``."""
    try:
        return formula(latex, display=display)
    except InputError:
        return Markup("<code>{}</code>").format(latex)


def with_formulas(text: str) -> Markup:
    """Plain text with formulas between dollar signs, as HTML. A dollar sign without a partner is just that."""
    parts = text.split("$")
    if len(parts) % 2 == 0:
        return Markup(html.escape(text, quote=False))
    made = [
        formula_or_source(part) if index % 2 else html.escape(part, quote=False) for index, part in enumerate(parts)
    ]
    return Markup("".join(made))
