"""The whole way on random weights: contract, determinism, settings, caches, real photos."""

from __future__ import annotations

import logging
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fittingroom.core.errors import FittingroomError, InputError, MissingError
from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Parse, Sample
from fittingroom.methods import registry
from fittingroom.methods.conformance import check_method

pytest.importorskip("diffusers", reason="needs the extra `diffusion`")

import diffusers

from fittingroom.methods.promptdresser.attention import join
from fittingroom.methods.promptdresser.captions import to_entry
from fittingroom.methods.promptdresser.losses import LOSSES, NOISE
from fittingroom.methods.promptdresser.memory import Plan
from fittingroom.methods.promptdresser.method import PromptDresser
from fittingroom.methods.promptdresser.network import predict_noise
from fittingroom.methods.promptdresser.options import PRESETS, options
from fittingroom.methods.promptdresser.pipeline import generator

#: few steps: what is tested does not depend on their number
QUICK: dict[str, Any] = {"steps": 3, "mask_steps": 4}


@pytest.fixture(scope="module")
def method(tiny_folder: Path) -> PromptDresser:
    return PromptDresser.load(tiny_folder, **QUICK)


@pytest.fixture(scope="module")
def sample(drawn: Dataset) -> Sample:
    return next(drawn.samples("unpaired"))


def test_the_contract_is_kept(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project's own conformance tests, with the tiny weights in place of embedded ones."""

    class Tiny(PromptDresser):
        @classmethod
        def load(cls, weights: Any = None, *, device: str = "cpu", **settings: Any) -> Any:
            return super().load(weights or tiny_folder, device=device, **{**QUICK, **settings})

    module = types.ModuleType("tiny_promptdresser")
    module.Tiny = Tiny  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tiny_promptdresser", module)
    monkeypatch.setitem(registry.OWN, "promptdresser", "tiny_promptdresser:Tiny")
    results = check_method("promptdresser")
    assert len(results) >= 9
    assert [f"{result.name}: {result.detail}" for result in results if not result.passed] == []


def test_the_published_way_takes_138_evaluations(tiny_folder: Path, sample: Sample) -> None:
    method = PromptDresser.load(tiny_folder)
    assert PRESETS["parity"].evaluations() == 138
    assert PRESETS["fast"].evaluations() <= 138 / 4
    calls = []
    with method.pipeline.parts.use("unet") as (network,):
        handle = network.register_forward_hook(lambda module, given, out: calls.append(len(out[0])))
    result = method.pipeline.run(method.conditions(sample)["inputs"], 0)
    handle.remove()
    assert len(calls) == 46
    assert sum(calls) == result.evaluations == 138
    assert result.draft is not None


def test_settings_tell_everything_that_matters(tiny_folder: Path) -> None:
    plain = PromptDresser.load(tiny_folder).settings()
    assert plain["preset"] == "parity"
    assert plain["paste"] is False
    assert len(plain["weights"]) == 64
    assert plain["evaluations"] == 138
    assert "cache" not in plain
    assert "vram" not in plain
    assert PromptDresser.load(tiny_folder, cache="none", vram=8).settings() == plain
    for change in ({"steps": 20}, {"preset": "fast"}, {"style": {"tucking style": "untucked"}}, {"paste": True}):
        assert PromptDresser.load(tiny_folder, **change).settings() != plain


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"nosuch": 1}, "promptdresser has no setting nosuch"),
        ({"preset": "best"}, "no preset named 'best'"),
        ({"steps": 0}, "steps is 0 — choose a whole number from 1 to 500"),
        ({"steps": 2.5}, "choose a whole number"),
        ({"steps": True}, "steps is True"),
        ({"guidance_text": "much"}, "choose a number from 0 to 100"),
        ({"mask": "none"}, "choose from aware, fine, coarse"),
        ({"vram": 7}, "vram is '7'"),
        ({"paste": "yes"}, "choose true or false"),
        ({"style": {"colour": "red"}}, "no style named colour"),
        ({"style": "loose"}, "give phrases by key"),
        ({"parser": 3}, "give a function"),
    ],
)
def test_odd_settings_are_one_line_before_anything_is_loaded(change: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError, match=line) as caught:
        PromptDresser.load("no-such-folder", **change)
    assert "\n" not in str(caught.value)


def drawn_by(method: PromptDresser, sample: Sample, seed: int) -> list[np.ndarray]:
    """The picture, and that of the first stage where there is one."""
    entry = method.conditions(sample)
    result = method.pipeline.run(entry["inputs"], seed)
    return [method.finish(entry, result), *([result.draft] if result.draft is not None else [])]


def test_every_choice_changes_what_is_drawn(tiny_folder: Path, sample: Sample, method: PromptDresser) -> None:
    plain = drawn_by(method, sample, 1)
    assert all((a != b).any() for a, b in zip(drawn_by(method, sample, 2), plain, strict=True))
    for change in (
        {"solver": "dpm++"},
        {"guidance_garment": 1.0},
        {"guidance_text": 1.0},
        {"guidance_last": 0.4},
        {"mask": "coarse"},
        {"sample_latents": False},
        {"clothing_pooled": False},
        {"captions": "none"},
        {"style": {"fit of upper cloth": "very loose fit"}},
        {"paste": True},
    ):
        other = PromptDresser.load(tiny_folder, **{**QUICK, **change})
        assert any((a != b).any() for a, b in zip(drawn_by(other, sample, 1), plain, strict=False)), change


def test_the_garment_and_the_prompt_reach_the_picture(drawn: Dataset, method: PromptDresser, sample: Sample) -> None:
    plain = method.conditions(sample)
    other = method.conditions(replace(sample, garment=drawn.garments["grey-hoodie"].fresh()))
    garment_only = replace(plain["inputs"], garment=other["inputs"].garment)
    words_only = replace(plain["inputs"], prompts=other["inputs"].prompts)
    pictures = [method.pipeline.run(inputs, 1).picture for inputs in (plain["inputs"], garment_only, words_only)]
    for changed in pictures[1:]:
        assert (changed != pictures[0]).any()


def test_pasting_back_keeps_the_photo(tiny_folder: Path, sample: Sample) -> None:
    method = PromptDresser.load(tiny_folder, paste=True, mask="fine", **QUICK)
    entry = method.conditions(sample)
    result = method.pipeline.run(entry["inputs"], 1)
    picture = method.finish(entry, result)
    outside = ~entry["frame"].mask_back(result.mask)
    assert (picture[outside] == sample.person.image()[outside]).all()
    assert (picture[~outside] != sample.person.image()[~outside]).any()


@pytest.mark.parametrize("how", [{"together": False}, {"projected": False}, {"together": False, "projected": True}])
def test_plans_give_the_same_picture(
    how: dict[str, bool], tiny_folder: Path, sample: Sample, method: PromptDresser
) -> None:
    other = PromptDresser.load(tiny_folder, **QUICK)
    other.pipeline.parts.plan = replace(Plan("x", staged=True, projected=True), **how)
    difference = np.abs(other.run(sample, 3).astype(int) - method.run(sample, 3))
    # rounding in another order, magnified by random networks whose latents reach the hundreds
    assert difference.max() <= 3
    assert difference.mean() < 0.02


def test_painting_is_the_sampler_of_diffusers_over_three_branches(method: PromptDresser, sample: Sample) -> None:
    """An independent loop: stock scheduler, every row given its own features, nothing shared."""
    pipeline, steps = method.pipeline, 5
    inputs = method.conditions(sample)["inputs"]
    scheduler = diffusers.DDPMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        steps_offset=1,
        timestep_spacing="leading",
        rescale_betas_zero_snr=True,
    )
    scheduler.set_timesteps(steps)
    with torch.inference_mode(), pipeline.parts.use("unet") as (network,):
        features = pipeline.garment(inputs.garment, inputs.prompts.clothing)
        full, clothing = pipeline.texts(inputs.prompts.full, inputs.prompts.clothing)
        condition = pipeline._masked(inputs.person, inputs.fine, 5, 0)
        ended, _ = pipeline.paint(
            network, condition, full.tokens, clothing.pooled, features, options({}).guidance, steps, generator(5, 0)
        )
        stopped, computed = pipeline.paint(
            network, condition, full.tokens, clothing.pooled, features, options({}).guidance, steps, generator(5, 0), 2
        )
        assert computed == 9
        source = generator(5, 0)
        latents = torch.randn(condition[1].shape, generator=source)
        ids = torch.tensor([[128.0, 96, 0, 0, 128, 96]])
        texts = (torch.zeros_like(full.tokens), torch.zeros_like(full.tokens), full.tokens)
        pooled = (torch.zeros_like(clothing.pooled), torch.zeros_like(clothing.pooled), clothing.pooled)
        for index, time in enumerate(scheduler.timesteps.tolist()):
            rows = []
            for branch in range(3):
                bank = join([features]).for_rows((features.rows[branch],))
                rows.append(
                    predict_noise(
                        network, latents, condition[0], condition[1], time, texts[branch], pooled[branch], ids, bank
                    )
                )
            noise = rows[0] + 4.5 * (rows[1] - rows[0]) + 7.5 * (rows[2] - rows[1])
            step = scheduler.step(noise, time, latents, generator=source)
            if index == 2:
                bound = 1e-4 * float(step.pred_original_sample.abs().max())
                assert torch.allclose(stopped, step.pred_original_sample, atol=bound)
            latents = step.prev_sample
    assert torch.allclose(ended, latents, atol=1e-3 * float(latents.abs().max()))


def test_a_garment_is_looked_at_once(
    tiny_folder: Path, drawn: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FITTINGROOM_CACHE", str(tmp_path))
    looks = 0

    def counting(method: PromptDresser) -> PromptDresser:
        real = method.pipeline._see

        def see(*given: Any) -> Any:
            nonlocal looks
            looks += 1
            return real(*given)

        monkeypatch.setattr(method.pipeline, "_see", see)
        return method

    samples = [
        replace(sample, garment=drawn.garments["sun-tee"].fresh()) for sample in list(drawn.samples("unpaired"))[:3]
    ]
    memory = counting(PromptDresser.load(tiny_folder, **QUICK))
    pictures = [memory.run(sample, 4) for sample in samples]
    assert looks == 2, "no garment, and the garment"
    assert not list(tmp_path.rglob("*.safetensors"))
    looks = 0
    disk = counting(PromptDresser.load(tiny_folder, cache="disk", **QUICK))
    assert (disk.run(samples[0], 4) == pictures[0]).all()
    assert looks == 2
    kept = sorted(tmp_path.rglob("*.safetensors"))
    assert len(kept) == 2
    looks = 0
    later = counting(PromptDresser.load(tiny_folder, cache="disk", **QUICK))
    assert (later.run(samples[1], 4) == pictures[1]).all()
    assert looks == 0
    for path in kept:
        path.write_bytes(b"broken")
    again = counting(PromptDresser.load(tiny_folder, cache="disk", **QUICK))
    assert (again.run(samples[0], 4) == pictures[0]).all()
    assert looks == 2
    looks = 0
    nothing = counting(PromptDresser.load(tiny_folder, cache="none", **QUICK))
    assert (nothing.run(samples[2], 4) == pictures[2]).all()
    assert looks == 2


def test_captions_are_asked_for_or_made(tiny_folder: Path, sample: Sample) -> None:
    given = PromptDresser.load(tiny_folder, captions="given", **QUICK)
    bare = replace(sample, person=replace(sample.person, caption=None))
    with pytest.raises(MissingError, match="has no caption"):
        given.conditions(bare)
    auto = PromptDresser.load(tiny_folder, **QUICK).conditions(sample)
    spoken = [replace(photo, caption=to_entry(caption)) for photo, caption in zip((sample.person, sample.garment), auto["captions"], strict=True)]  # fmt: skip
    written = given.conditions(replace(sample, person=spoken[0], garment=spoken[1]))
    assert written["inputs"].prompts == auto["inputs"].prompts
    assert written["captions"][0].source.endswith("rules")
    odd = replace(sample, garment=replace(sample.garment, caption={"clothing": [1]}))
    with pytest.raises(InputError, match="is not an object"):
        given.conditions(replace(odd, person=spoken[0]))
    silent = PromptDresser.load(tiny_folder, captions="none", **QUICK).conditions(sample)["inputs"].prompts
    assert (silent.full, silent.clothing) == ("", "")


def test_long_prompts_warn_with_what_was_cut(method: PromptDresser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "fittingroom"):
        method.pipeline.texts("a " * 10)
        assert not caplog.records
        long = method.pipeline.texts("q " * 254 + "the end")[0]
    assert "too long for 256 tokens" in caplog.text
    assert "the end" in "".join(caplog.text.split("cut off:")[1]).replace("t h e e n d", "the end")
    assert torch.isfinite(long.tokens).all()


def test_a_parser_can_be_plugged_in(tiny_folder: Path, sample: Sample) -> None:
    asked: list[tuple[int, ...]] = []

    def parser(picture: np.ndarray) -> Parse:
        asked.append(picture.shape)
        labels = np.zeros(picture.shape[:2], np.uint8)
        labels[40:60, 30:60] = 5
        return Parse(labels, sample.person.parse().labels_in)

    method = PromptDresser.load(tiny_folder, parser=parser, **QUICK)
    inputs = method.conditions(sample)["inputs"]
    result = method.pipeline.run(inputs, 0)
    assert asked == [(128, 96, 3)]
    wanted = inputs.fine.copy()
    wanted[40:60, 30:60] = True
    assert np.array_equal(result.mask, wanted)
    assert method.settings()["parser"] == "function"


@pytest.mark.parametrize("name", ["fine", "coarse"])
def test_masks_can_be_taken_as_they_are(name: str, tiny_folder: Path, sample: Sample) -> None:
    method = PromptDresser.load(tiny_folder, mask=name, **QUICK)
    inputs = method.conditions(sample)["inputs"]
    result = method.pipeline.run(inputs, 0)
    assert result.draft is None
    assert result.evaluations == 9
    assert np.array_equal(result.mask, inputs.fine if name == "fine" else inputs.coarse)


def test_useless_masks_are_one_line(method: PromptDresser, sample: Sample) -> None:
    whole = Parse(np.full(sample.person.image().shape[:2], 5, np.uint8), sample.person.parse().labels_in)
    with pytest.raises(FittingroomError, match="covers the whole photo"):
        method.run(replace(sample, person=replace(sample.person, given={"parse": whole})))


def test_the_loss_is_its_formula() -> None:
    generator = np.random.default_rng(0)
    predicted, noise = generator.normal(size=(2, 4, 3, 5)), generator.normal(size=(2, 4, 3, 5))
    wanted = sum((a - b) ** 2 for a, b in zip(noise.ravel(), predicted.ravel(), strict=True)) / noise.size
    assert float(NOISE(torch.tensor(predicted), torch.tensor(noise))) == pytest.approx(wanted, rel=1e-5)
    assert NOISE(torch.tensor(predicted).half(), torch.tensor(noise).half()).dtype == torch.float32
    assert LOSSES[0] is NOISE


@pytest.mark.photos
def test_real_photos_go_the_whole_way(photos: Path, tiny_folder: Path) -> None:
    method = PromptDresser.load(tiny_folder, **QUICK)
    dataset = Dataset.open(photos / "upt25")
    samples = list(dataset.samples("unpaired"))
    assert len(samples) == len(dataset.pairs["unpaired"]) > 0
    for sample in samples:
        method.check(sample)
        entry = method.conditions(sample)
        inputs = entry["inputs"]
        assert inputs.prompts.full.startswith("a ")
        assert 0.02 < inputs.fine.mean() < inputs.coarse.mean() < 0.6, sample.id
        # what is worn now lies in the mask, so that none of it is left
        parse = sample.person.parse().mask("upper-clothes", "dress")
        assert entry["frame"].mask_back(inputs.fine)[parse].mean() > 0.97, sample.id
    for sample in samples[:3]:
        picture = method.run(sample, 1)
        assert picture.shape == sample.person.image().shape
        assert (picture == method.run(sample, 1)).all()
