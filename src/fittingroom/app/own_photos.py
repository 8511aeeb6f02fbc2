"""Trying on with two own photos: they are uploaded, annotated and used; what was annotated is shown beside the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ..annotate.complete import Completed, complete
from ..annotate.reading import Reading, read_photo
from ..core.errors import FittingroomError
from ..core.images import UInt8
from ..data.sample import CATEGORIES
from ..data.single import sample_from_files
from .methods import Loaded, method_choice, plain
from .overlays import overlays
from .texts import dynamic, static

#: what the radio button says -> whether somebody wears the garment
_WORN = {"auto": None, "in-shop": False, "worn": True}


class OwnPhotos:
    """What the tab does."""

    def __init__(self, methods: Loaded) -> None:
        self._methods = methods

    def preview(self, path: str | None) -> UInt8 | None:
        """A photo as it is read here; one that cannot be read becomes a message in the browser."""
        if not path:
            return None
        try:
            return read_photo(Path(path), Reading())
        except FittingroomError as error:
            raise gr.Error(_shown(error)) from error

    def dress(
        self,
        person: str | None,
        garment: str | None,
        category: str,
        worn: str,
        method: str,
        seed: float,
        request: gr.Request,
    ) -> tuple[UInt8 | None, list[tuple[UInt8, str]], str]:
        """The result, the annotations upon their photos, and notes; what cannot be done is a note."""
        words = dynamic(request)
        if not person or not garment:
            return None, [], words["both"]
        shown: list[tuple[UInt8, str]] = []
        notes = ""
        try:
            ready = self._methods.get(method)  # first: without weights there is no need to annotate
            sample = sample_from_files(person, garment, category=category, worn=_WORN[worn])
            ready.accept(sample)
            completed = complete(sample, ready.card.needs, ready.card.uses, worn=_WORN[worn])
            shown = [(picture, words.get(name, name)) for picture, name in overlays(completed.sample)]
            notes = _notes(completed, words)
            return ready.run(completed.sample, int(seed)), shown, notes
        except FittingroomError as error:
            lines = [plain(line) for line in _shown(error).split(" | ")]  # one for each missing condition
            return None, shown, "\n\n".join(["⚠ " + lines[0], *lines[1:], notes])


def _shown(error: FittingroomError) -> str:
    """An error without the folder that Gradio keeps an upload in: its name is what the user knows."""
    return str(error).replace(str(error.path), error.path.name) if error.path is not None else str(error)


def _notes(completed: Completed, words: Any) -> str:
    made = [
        words["made"].format(
            need=words.get(entry.need.replace("worn.", "garment.").replace("wearer.", "garment."), entry.need),
            annotator=entry.annotator,
            score=f"{entry.score:.2f}",
        )
        for entry in completed.filled
    ]
    lines = [f"- {plain(line)}" for line in dict.fromkeys(made)]
    if completed.warnings:
        lines += ["", f"**{words['look']}:**", "", *(f"- ⚠ {plain(line)}" for line in completed.warnings)]
    if completed.folder is not None:
        lines += ["", words["correct"], "", f"```\nfittingroom app --review {completed.folder}\n```"]
    return "\n".join(lines)


def own_photos_tab(methods: Loaded) -> None:
    """Two uploads, the choices, the result, and below it what the method was given."""
    state = OwnPhotos(methods)
    gr.Markdown(static("intro"))
    with gr.Row():
        with gr.Column():
            person = gr.File(label=static("drop_person"), height=120, elem_id="own-person")
            person_image = gr.Image(label=static("person"), interactive=False, height=380)
        with gr.Column():
            garment = gr.File(label=static("drop_garment"), height=120, elem_id="own-garment")
            garment_image = gr.Image(label=static("garment"), interactive=False, height=380)
        with gr.Column():
            method = method_choice(methods)
            result = gr.Image(label=static("result"), interactive=False, height=380, format="png", elem_id="own-result")
    with gr.Row():
        category = gr.Radio(
            [(static(name), name) for name in CATEGORIES], value=CATEGORIES[0], label=static("category")
        )
        worn = gr.Radio(
            [(static("found_out"), "auto"), (static("in_shop"), "in-shop"), (static("somebody"), "worn")],
            value="auto",
            label=static("worn"),
        )
        seed = gr.Number(0, label=static("seed"), precision=0)
        button = gr.Button(static("try_on"), variant="primary", elem_id="own-button")
    notes = gr.Markdown(elem_id="own-notes")
    shown = gr.Gallery(label=static("annotations"), columns=4, height="auto", object_fit="contain", elem_id="own-shown")
    person.change(state.preview, person, person_image)
    garment.change(state.preview, garment, garment_image)
    button.click(state.dress, [person, garment, category, worn, method, seed], [result, shown, notes])
