"""The review page as a Gradio app: one component of our own that fills the window."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from ..annotate.review.again import rederiver
from ..core.progress import progress
from ..data.dataset import Dataset
from .review import ReviewPage

_HERE = Path(__file__).parent
#: in this order; each uses those before it
_SCRIPTS = ("review_stage.js", "review_pose.js", "review_paint.js", "review_forms.js", "review_view.js", "review.js")


def _source(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def build_review(data: str, *, quiet: bool = False) -> gr.Blocks:
    """The page that corrects a dataset's annotations by hand.

    Args:
        data: the dataset's folder; of the layouts viton-hd or upt.
        quiet: show no progress while the items are judged.

    Raises:
        InputError: the dataset cannot be opened or edited.
    """
    dataset = Dataset.open(data)
    page = ReviewPage(dataset, rederiver(dataset))
    with progress("judging", quiet=quiet) as report:
        page.judge(report)

    def call(request: dict[str, Any]) -> dict[str, Any]:
        return page.call(request)

    # the style is put in by script: as part of the template its braces would be read as the template's
    style = json.dumps(_source("review.css"))
    scripts = [_source(name) for name in _SCRIPTS]
    scripts.append(f"document.head.append(make('style', {{ textContent: {style} }})); startReview(element, server);")
    with gr.Blocks(title=f"{dataset.name}: review", analytics_enabled=False, fill_width=True) as app:
        gr.HTML(
            value="",
            html_template="<div class='review'></div>",
            js_on_load="\n".join(scripts),
            apply_default_css=False,
            server_functions=[call],
            padding=False,
        )
    return app
