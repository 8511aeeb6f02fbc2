"""``fittingroom app``: the browser app (extra ``app``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..core.errors import MissingError


def app_command(
    data: Annotated[str, typer.Option(help="Dataset to choose people and garments from.")] = "studio-mini",
    runs: Annotated[Path, typer.Option(help="Folder whose runs are shown.")] = Path("runs"),
    review: Annotated[
        str, typer.Option(help="Instead: correct the annotations of this dataset by hand, see docs/review.md.")
    ] = "",
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 7860,
) -> None:
    """Try garments on and look at runs, or correct annotations, in the browser; listens on this machine only."""
    try:
        if review:
            from ..app.review_main import build_review

            page, texts = build_review(review), None
        else:
            from ..app.main import build
            from ..app.texts import translations

            page, texts = build(data, runs), translations()
    except ImportError as error:
        raise MissingError("the app needs Gradio", mend="pip install 'fittingroom[app]'") from error
    page.launch(server_name="127.0.0.1", server_port=port, i18n=texts)
