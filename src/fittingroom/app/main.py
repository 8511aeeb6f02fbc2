"""The browser app: try garments on, look at runs. Everything it shows comes from a dataset or a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from ..compare.job import MethodSpec
from ..core.errors import FittingroomError
from ..core.images import UInt8
from ..data.dataset import Dataset
from ..data.sample import Pair
from ..methods.base import Method
from ..methods.registry import load_method, method_names
from .runs import list_runs, run_gallery, run_markdown


class TryOn:
    """State of the try-on tab: the dataset and the methods loaded so far."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._methods: dict[str, Method] = {}

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
            if method not in self._methods:
                spec = MethodSpec.parse(method)
                self._methods = {method: load_method(spec.name, spec.weights)}  # one at a time: they may be large
            return self._methods[method].run(self.dataset.sample(Pair(person, garment, paired=False)), int(seed))
        except FittingroomError as error:
            raise gr.Error(str(error)) from error


def _try_on_tab(dataset: Dataset) -> None:
    state = TryOn(dataset)
    people, garments = list(dataset.people), list(dataset.garments)
    if not people or not garments:
        gr.Markdown(f"`{dataset.root}` has no people or no garments: `fittingroom dataset check` says why.")
        return
    with gr.Row():
        with gr.Column():
            person = gr.Dropdown(people, value=people[0], label="Person")
            person_image = gr.Image(state.person(people[0]), label="Person", interactive=False, height=420)
        with gr.Column():
            garment = gr.Dropdown(garments, value=garments[0], label="Garment")
            garment_image = gr.Image(state.garment(garments[0]), label="Garment", interactive=False, height=420)
        with gr.Column():
            method = gr.Dropdown(
                method_names(),
                value=method_names()[0],
                label="Method",
                info="NAME or NAME@WEIGHTS, e.g. pasta-gan++@runs/train-pasta-gan/weights",
                allow_custom_value=True,
            )
            result = gr.Image(label="Result", interactive=False, height=420, format="png")
    with gr.Row():
        seed = gr.Number(0, label="Seed", precision=0)
        button = gr.Button("Try on", variant="primary")
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
        run = gr.Dropdown(found, value=first, label="Run")
        refresh = gr.Button("Look again", scale=0)
    table = gr.Markdown(text)
    gallery = gr.Gallery(pictures, label="Person, garment, results", columns=6, height="auto", object_fit="contain")
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
    dataset = Dataset.open(data)
    with gr.Blocks(title="fittingroom", analytics_enabled=False) as app:
        gr.Markdown(
            f"# fittingroom\nDataset: **{dataset.name}**, {len(dataset.people)} people, {len(dataset.garments)} garments"
        )
        with gr.Tab("Try on"):
            _try_on_tab(dataset)
        with gr.Tab("Runs"):
            _runs_tab(runs)
    return app
