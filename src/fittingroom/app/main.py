"""The browser app: try garments on, of a dataset or of own photos, and look at runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ..core.errors import FittingroomError
from ..core.images import UInt8
from ..data.dataset import Dataset
from ..data.sample import Pair
from .methods import Loaded, method_choice
from .own_photos import own_photos_tab
from .runs import list_runs, run_gallery, run_markdown
from .texts import dynamic, static


class TryOn:
    """State of the try-on tab: the dataset and the method used last."""

    def __init__(self, dataset: Dataset, methods: Loaded) -> None:
        self.dataset = dataset
        self._methods = methods

    def person(self, name: str) -> UInt8:
        """Picture of a person; a broken photo becomes a message in the browser."""
        try:
            return self.dataset.people[name].fresh().image()
        except FittingroomError as error:
            raise gr.Error(str(error)) from error

    def garment(self, name: str) -> UInt8:
        """Picture of a garment."""
        try:
            return self.dataset.garments[name].fresh().image()
        except FittingroomError as error:
            raise gr.Error(str(error)) from error

    def dress(self, method: str, person: str, garment: str, seed: float) -> UInt8:
        """The person in the garment; what cannot be done becomes a message in the browser."""
        try:
            return self._methods.get(method).run(self.dataset.sample(Pair(person, garment, paired=False)), int(seed))
        except FittingroomError as error:
            raise gr.Error(str(error)) from error


def _try_on_tab(dataset: Dataset, methods: Loaded) -> None:
    state = TryOn(dataset, methods)
    people, garments = list(dataset.people), list(dataset.garments)
    if not people or not garments:
        gr.Markdown(f"`{dataset.root}` has no people or no garments: `fittingroom dataset check` says why.")
        return
    with gr.Row():
        with gr.Column():
            person = gr.Dropdown(people, value=people[0], label=static("person"))
            person_image = gr.Image(state.person(people[0]), label=static("person"), interactive=False, height=420)
        with gr.Column():
            garment = gr.Dropdown(garments, value=garments[0], label=static("garment"))
            garment_image = gr.Image(state.garment(garments[0]), label=static("garment"), interactive=False, height=420)
        with gr.Column():
            method = method_choice(methods)
            result = gr.Image(label=static("result"), interactive=False, height=420, format="png")
    with gr.Row():
        seed = gr.Number(0, label=static("seed"), precision=0)
        button = gr.Button(static("try_on"), variant="primary")
    person.change(state.person, person, person_image)
    garment.change(state.garment, garment, garment_image)
    button.click(state.dress, [method, person, garment, seed], result)


def _runs_tab(folder: Path) -> None:
    def choices() -> Any:
        found = list_runs(folder)
        return gr.Dropdown(found, value=found[0] if found else None)

    def show(name: str | None) -> tuple[str, list[tuple[str, str]]]:
        if not name:
            return f"No runs in `{folder}` yet: make one with `fittingroom compare`.", []
        try:
            return run_markdown(folder / name), run_gallery(folder / name)
        except FittingroomError as error:
            raise gr.Error(str(error)) from error

    found = list_runs(folder)
    first = found[0] if found else None
    text, pictures = show(first)
    with gr.Row():
        run = gr.Dropdown(found, value=first, label=static("run"))
        refresh = gr.Button(static("again"), scale=0)
    table = gr.Markdown(text)
    gallery = gr.Gallery(pictures, label=static("gallery"), columns=6, height="auto", object_fit="contain")
    refresh.click(choices, None, run)
    run.change(show, run, [table, gallery])


def build(data: str, runs: Path) -> gr.Blocks:
    """The app.

    Args:
        data: dataset to choose from.
        runs: folder whose runs are shown.

    Raises:
        InputError: the dataset cannot be opened.
    """
    dataset, methods = Dataset.open(data), Loaded()

    def say(request: gr.Request) -> str:
        return dynamic(request)["head"].format(
            name=dataset.name, people=len(dataset.people), garments=len(dataset.garments)
        )

    with gr.Blocks(title="fittingroom", analytics_enabled=False) as app:
        head = gr.Markdown("# fittingroom")
        app.load(say, None, head)
        with gr.Tab(static("try_on")):
            _try_on_tab(dataset, methods)
        with gr.Tab(static("own_photos")):
            own_photos_tab(methods)
        with gr.Tab(static("runs")):
            _runs_tab(runs)
    return app
