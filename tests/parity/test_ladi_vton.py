"""LaDI-VTON against recorded outputs of the published system on weights that a rule fills.

Every seed, size and setting comes from the manifests in ``$FITTINGROOM_PARITY/ladi_vton``.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from fittingroom.methods.autoencoder import TAP_WEIGHTS, vgg_view
from fittingroom.methods.ladi_vton.adapter import AdapterConfig, InversionAdapter
from fittingroom.methods.ladi_vton.clip import clip_levels, clip_pixels, look, speak
from fittingroom.methods.ladi_vton.config import ModelConfig
from fittingroom.methods.ladi_vton.denoise import Guide, Solver
from fittingroom.methods.ladi_vton.emasc import Emasc, FusedEmasc, decode, encode, keep_outside
from fittingroom.methods.ladi_vton.losses import (
    EMASC,
    EMASC_VGG,
    REFINE,
    REFINE_VGG,
    irregularity,
    regularity,
)
from fittingroom.methods.ladi_vton.network import Networks, build
from fittingroom.methods.ladi_vton.pipeline import Draws, Inputs, carry, describe, guide_of, paint, say_nothing
from fittingroom.methods.ladi_vton.prompts import WORD, empty, prompt, tokens
from fittingroom.methods.ladi_vton.warping import (
    Matcher,
    Refinement,
    correlation,
    enlarge_grid,
    folded,
    parameters,
    sample,
    shrink,
    unit_length,
    warp,
)
from fittingroom.nn.vgg import Vgg19Features, load_features

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("FITTINGROOM_PARITY", ROOT.parent / "shared" / "parity")) / "ladi_vton"

if not FOLDER.is_dir():
    if os.environ.get("FITTINGROOM_REQUIRE_DATA") == "1":
        raise FileNotFoundError(f"no recorded outputs in {FOLDER} (set FITTINGROOM_PARITY)")
    pytest.skip(f"no recorded outputs in {FOLDER} (set FITTINGROOM_PARITY)", allow_module_level=True)

CATEGORY = {"upper_body": "upper", "lower_body": "lower", "dresses": "dress"}


def _module(name: str) -> ModuleType:
    """A module of the fixtures' own folder; it imports its neighbours by their plain names."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class Rules:
    """The rules by which the fixtures' weights and inputs are made."""

    def __init__(self) -> None:
        self.weights, self.inputs = _module("weights_rule"), _module("inputs_rule")

    def given(self, entry: dict[str, Any]) -> torch.Tensor:
        array = getattr(self.inputs, entry["rule"])(entry["seed"], entry["key"], entry["shape"])
        if "mean" in entry:
            assert abs(float(array.mean()) - entry["mean"]) < 1e-5
        if "ones" in entry:
            assert int(array.sum()) == entry["ones"]
        return torch.from_numpy(array)

    def fill(
        self, network: torch.nn.Module, entry: dict[str, Any], prefix: str = "", extra: tuple[str, ...] = ()
    ) -> None:
        """``extra``: tensors of the published network that ours leaves out because nothing reads them."""
        state = network.state_dict()
        shapes = {prefix + key: tuple(value.shape) for key, value in state.items()}
        arrays = self.weights.fill(shapes, entry["seed"], entry["mode"], entry["gain"], entry["rules"])
        assert len(arrays) + len(extra) == entry["filled_tensors"]
        if not extra:
            assert sum(array.size for array in arrays.values()) == entry["filled_values"]
        filled = {key.removeprefix(prefix): torch.from_numpy(array) for key, array in arrays.items()}
        network.load_state_dict(state | filled)
        network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def rules() -> Iterator[Rules]:
    yield Rules()
    for name in ("weights_rule", "inputs_rule"):
        sys.modules.pop(name, None)


def _json(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def _slices(text: str) -> tuple[slice, ...]:
    parts = [part.strip() for part in text.strip("[]").split(",")]
    return tuple(slice(None, None, int(part[2:]) if part.startswith("::") else None) for part in parts)


class Recorded:
    """One manifest and its arrays."""

    def __init__(self, name: str) -> None:
        self.json = _json(name)
        with np.load(FOLDER / f"{name}.npz") as file:
            self.arrays = {key: file[key] for key in file.files}
        self.seen: set[str] = set()

    def check(
        self, key: str, value: torch.Tensor | np.ndarray, tolerance: float = 1e-4, *, absolute: bool = False
    ) -> None:
        array = value.detach().float().numpy() if isinstance(value, torch.Tensor) else value
        entry, stored = self.json["arrays"][key], self.arrays[key]
        scale = 1.0 if absolute else float(np.abs(stored).max())
        if channels := re.fullmatch(r"every (\d+)\w\w channel of (\d+)", entry.get("note", "")):
            assert array.shape[1] == int(channels[2]), key
            array = array[:, :: int(channels[1])]
        assert list(array.shape) == entry["full_shape"], key
        for name, found in (("mean", array.mean()), ("std", array.std())):
            if name in entry:
                assert abs(float(found) - entry[name]) <= tolerance * scale, (key, name)
        if "stored" in entry:
            array = array[_slices(entry["stored"])]
        assert array.shape == stored.shape, key
        worst = float(np.abs(array.astype(np.float64) - stored.astype(np.float64)).max()) / scale
        assert worst <= tolerance, f"{key}: {worst:.2e} > {tolerance:.0e}"
        self.seen.add(key)

    def complete(self) -> None:
        """Every recorded array was compared."""
        assert set(self.json["arrays"]) == self.seen


# --- full-size networks ------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def matched(rules: Rules) -> dict[str, Any]:
    """The full-size matcher and everything that it makes of the recorded inputs."""
    recorded = Recorded("full_tps")
    network = Matcher()
    rules.fill(network, recorded.json["weights"])
    given = {name: rules.given(entry) for name, entry in recorded.json["inputs"].items()}
    with torch.inference_mode():
        size = (given["cloth"].shape[2], given["cloth"].shape[3])
        garment = shrink(given["cloth"], network.size)
        person = shrink(torch.cat([given["im_mask"], given["pose_map"]], dim=1), network.size)
        grid, points = network(garment, person)
        large = enlarge_grid(grid, size)
        warped = sample(given["cloth"], large)
    return {
        "recorded": recorded, "network": network, "given": given, "garment": garment, "person": person, "grid": grid,
        "points": points, "large": large, "warped": warped,
    }  # fmt: skip


def test_matcher(matched: dict[str, Any]) -> None:
    recorded, network = matched["recorded"], matched["network"]
    assert parameters(network) == 19_056_626
    recorded.check("low_cloth", matched["garment"])
    recorded.check("low_agnostic", matched["person"])
    with torch.inference_mode():
        features = network.extractionA(matched["garment"]), network.extractionB(matched["person"])
        recorded.check("feature_cloth", features[0])
        recorded.check("feature_person", features[1])
        recorded.check("correlation", correlation(unit_length(features[0]), unit_length(features[1])))
        recorded.check("points", matched["points"])
        recorded.check("grid", matched["grid"])
        recorded.check("grid_512", matched["large"])
        recorded.check("warped", matched["warped"], 2e-3)
        recorded.check("warped_low", sample(matched["garment"], matched["grid"]), 2e-3)
        network.train()
        recorded.check("points_train_mode", network(matched["garment"], matched["person"])[1], 1e-3)
        network.eval()


def test_refinement(rules: Rules, matched: dict[str, Any]) -> None:
    recorded = Recorded("full_refinement")
    network = Refinement()
    assert parameters(network) == 17_275_203
    rules.fill(network, recorded.json["weights"])
    given = matched["given"]
    inputs = torch.cat([given["im_mask"], given["pose_map"], matched["warped"]], dim=1)[:1]
    seen: dict[str, torch.Tensor] = {}
    handles = [
        getattr(network, name).register_forward_hook(lambda _m, _a, out, name=name: seen.__setitem__(name, out))
        for name in ("inc", "down4")
    ]
    with torch.inference_mode():
        raw = network(inputs)
        for handle in handles:
            handle.remove()
        for name, value in {**seen, "raw": raw, "clamped": raw.clamp(-1, 1)}.items():
            recorded.check(name, value, 1e-3)
        recorded.complete()
        # the whole warp, once with batch norms and once with these folded into the convolutions
        whole = warp(
            _train_never(matched["network"]), network, given["cloth"][:1], given["im_mask"][:1], given["pose_map"][:1]
        )
        recorded.check("clamped", whole, 1e-3)
        recorded.check("raw", folded(network)(inputs), 1e-3)


def _train_never(network: Matcher) -> Matcher:
    """Running statistics were touched by the test of the training mode; they are filled anew from what is recorded."""
    recorded = _json("full_tps")
    Rules().fill(network, recorded["weights"])
    return network


def test_emasc(rules: Rules) -> None:
    recorded = Recorded("full_emasc")
    inputs, outputs = recorded.json["in_channels"], recorded.json["out_channels"]
    given = [rules.given(recorded.json["inputs"][f"in{level}"]) for level in range(1, len(inputs) + 1)]
    mask = rules.given(recorded.json["mask"])
    for kind in ("nonlinear", "linear"):
        network = Emasc(inputs, outputs, linear=kind == "linear")
        rules.fill(network, recorded.json[f"weights_{kind}"])
        with torch.inference_mode():
            out = network(given)
            for level, (raw, kept) in enumerate(zip(out, keep_outside(out, mask), strict=True), start=1):
                if f"out{level}" in recorded.json["arrays"] and kind == "nonlinear":
                    recorded.check(f"out{level}", raw)
                recorded.check(f"{kind}.masked{level}", kept)
            if kind == "nonlinear":
                same = [given[0], given[0], *given[2:]]
                for plain, fused in zip(network(same), FusedEmasc(network)(same), strict=True):
                    torch.testing.assert_close(fused, plain, rtol=1e-4, atol=1e-5)
    recorded.complete()


def test_adapter(rules: Rules) -> None:
    recorded = Recorded("full_adapter")
    sizes = recorded.json["config"]
    config = AdapterConfig(
        sizes["hidden_size"], sizes["intermediate_size"], sizes["num_attention_heads"], sizes["adapter_hidden"],
        sizes["num_vstar"], sizes["word_width"], sizes["layer_norm_eps"],
    )  # fmt: skip
    with torch.device("meta"):
        network = InversionAdapter(config)
    network.to_empty(device="cpu")
    rules.fill(network, recorded.json["weights"])
    given = rules.given(recorded.json["inputs"]["last_hidden_state"])
    with torch.inference_mode():
        recorded.check("layer_cls", network.encoder_layers[0](given, 1)[:, 0])
        recorded.check("layer_all", network.encoder_layers[0](given))
        recorded.check("words", network(given))
    recorded.complete()


# --- the whole pipeline, narrow ----------------------------------------------------------------------------------
class Tiny:
    """The narrow networks, filled, and the recorded inputs."""

    def __init__(self, rules: Rules) -> None:
        self.recorded = Recorded("tiny_pipeline")
        manifest = self.manifest = self.recorded.json
        configs = manifest["configs"]
        vision, adapter = configs["vision_encoder"], configs["adapter"]
        self.config = replace(
            ModelConfig(),
            unet={key: value for key, value in configs["unet"].items() if not key.startswith("_")},
            vae={key: value for key, value in configs["vae"].items() if not key.startswith("_")},
            text=configs["text_encoder"],
            vision=vision,
            noise=manifest["scheduler"],
            adapter=AdapterConfig(
                vision["hidden_size"], vision["intermediate_size"], vision["num_attention_heads"], adapter["hidden_dim"],
                adapter["num_vstar"], adapter["output_dim"] // adapter["num_vstar"], vision["layer_norm_eps"],
            ),
        )  # fmt: skip
        emasc = configs["emasc"]
        assert [list(each) for each in self.config.emasc_channels()] == [emasc["in_channels"], emasc["out_channels"]]
        parts = {part: build(part, self.config) for part in ("vision", "adapter", "text", "vae", "emasc", "unet")}
        self.nets = Networks(self.config, matcher=Matcher(), refinement=Refinement(), **parts)
        projection = ("visual_projection.weight",)  # made for comparing with texts, which nobody does here
        rules.fill(self.nets.vision, manifest["weights"]["vision_encoder"], "vision_model.", projection)
        for part, name in (
            ("text", "text_encoder"),
            ("adapter", "adapter"),
            ("vae", "vae"),
            ("emasc", "emasc"),
            ("unet", "unet"),
        ):
            rules.fill(parts[part], manifest["weights"][name])
        given = {name: rules.given(entry) for name, entry in manifest["inputs"].items()}
        self.garment, self.warped = given["cloth"], given["warped_cloth"]
        self.categories = [CATEGORY[name] for name in manifest["categories"]]
        self.inputs = Inputs(given["image"], given["mask"], given["pose_map"], self.garment, self.categories)
        drawn = [rules.given(entry) for entry in sorted(manifest["random_draws"], key=lambda entry: entry["order"])]
        assert [entry["name"] for entry in manifest["random_draws"]] == [
            "draw.cloth_latents", "draw.latents", "draw.masked_latents",
        ]  # fmt: skip
        self.draws = Draws(*drawn)
        self.loss_draw = rules.given(manifest["emasc_loss_draw"])
        with torch.inference_mode():
            nets, inputs = self.nets, self.inputs
            self.text = describe(nets.vision, nets.adapter, nets.text, self.garment, self.categories)
            self.blank = say_nothing(nets.text, torch.device("cpu"))
            self.encoded, self.additions = carry(nets.vae, nets.emasc, inputs.masked, inputs.mask)

    def guide(self, **options: Any) -> Guide:
        garment = encode(self.nets.vae, self.warped)
        return guide_of(
            self.config, self.text, self.inputs.mask, self.inputs.pose, self.encoded, garment, self.draws, **options
        )

    def solver(self, **options: Any) -> Solver:
        return Solver("ddim", self.manifest["num_inference_steps"], self.manifest["guidance_scale"], **options)


@pytest.fixture(scope="module")
def tiny(rules: Rules) -> Tiny:
    return Tiny(rules)


def test_words(tiny: Tiny) -> None:
    recorded, nets = tiny.recorded, tiny.nets
    ids = torch.tensor(tiny.manifest["token_ids"])
    words = tiny.config.adapter.words
    assert [prompt(category, words) for category in tiny.categories] == tiny.manifest["prompts"]
    assert torch.equal(torch.stack([tokens(category, words) for category in tiny.categories]), ids)
    with torch.inference_mode():
        hidden = look(nets.vision, tiny.garment)
        recorded.check("vision.last_hidden", hidden)
        recorded.check("adapter.words", nets.adapter(hidden))
        recorded.check("text.cond", tiny.text)
        recorded.check("text.cond_without_words", speak(nets.text, ids))
        recorded.check("text.uncond", tiny.blank.expand(len(ids), -1, -1))
        # a row without placeholders in the same batch is left alone (prompts dropped in training)
        words = nets.adapter(hidden[:1]).expand(2, -1, -1)
        mixed = speak(nets.text, torch.stack([ids[0], torch.tensor(tiny.manifest["uncond_ids"])]), words)
        torch.testing.assert_close(mixed[1], tiny.blank[0], rtol=1e-4, atol=1e-5)


def test_autoencoder_and_emasc(tiny: Tiny) -> None:
    recorded, nets, mask = tiny.recorded, tiny.nets, tiny.inputs.mask
    with torch.inference_mode():
        encoded = tiny.encoded
        for level, feature in enumerate(encoded.features, start=1):
            recorded.check(f"vae.feature{level}", feature)
        recorded.check("vae.mean", encoded.mean)
        recorded.check("vae.logvar", 2 * encoded.std.log())
        raw = nets.emasc(encoded.features)
        for level, (each, kept) in enumerate(zip(raw, tiny.additions, strict=True), start=1):
            recorded.check(f"emasc.raw{level}", each)
            recorded.check(f"emasc.masked{level}", kept)
        recorded.check("vae.decode_plain", decode(nets.vae, encoded.mean))
        recorded.check("vae.decode_emasc", decode(nets.vae, encoded.mean, tiny.additions))
        for _ in range(2):  # a second decoding with the same features gives the same
            nothing = keep_outside(raw, torch.ones_like(mask))
            torch.testing.assert_close(decode(nets.vae, encoded.mean, nothing), decode(nets.vae, encoded.mean))
        truth = tiny.inputs.person
        loss_latents = encode(nets.vae, truth).draw(tiny.loss_draw)
        made = decode(nets.vae, loss_latents, tiny.additions)
        recorded.check("emasc_loss.reconstruction", made)
        recorded.check("emasc_loss.l1", (made - truth).abs().mean()[None])


def test_denoising(tiny: Tiny) -> None:
    recorded, nets = tiny.recorded, tiny.nets
    seen: list[torch.Tensor] = []
    hook = nets.unet.register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
    trace: dict[str, torch.Tensor] = {}

    def note(
        index: int,
        unguided: torch.Tensor | None,
        conditioned: torch.Tensor,
        guided: torch.Tensor,
        latents: torch.Tensor,
    ) -> None:
        assert unguided is not None
        for name, value in (("uncond", unguided), ("cond", conditioned), ("guided", guided), ("latents", latents)):
            trace[f"trace.{index:02d}.{name}"] = value

    solver = tiny.solver()
    assert solver.schedule(tiny.config.noise).timesteps.tolist() == tiny.manifest["timesteps"]
    with torch.inference_mode():
        picture = _paint(tiny, tiny.guide(), solver, note)
        hook.remove()
        recorded.check("unet.in.step0", seen[0])
        recorded.check("unet.out.step0", torch.cat([trace["trace.00.uncond"], trace["trace.00.cond"]]))
        for name, value in trace.items():
            recorded.check(name, value)
        recorded.check("image", picture, 2e-4, absolute=True)
        recorded.check("unet.out.step0", _prediction(tiny, seen[0], torch.float16), 2e-2)
        # bfloat16 keeps three bits fewer: its error is small on the whole, not at every single value
        stored = torch.from_numpy(recorded.arrays["unet.out.step0"])
        coarse = _prediction(tiny, seen[0], torch.bfloat16)
        assert float((coarse - stored).norm() / stored.norm()) < 0.1


def _prediction(tiny: Tiny, shown: torch.Tensor, kind: torch.dtype) -> torch.Tensor:
    """The first prediction with the UNet in another precision."""
    text = torch.cat([tiny.blank.expand_as(tiny.text), tiny.text]).to(kind)
    unet = copy.deepcopy(tiny.nets.unet).to(kind)
    return unet(shown.to(kind), tiny.manifest["timesteps"][0], encoder_hidden_states=text).sample.float()


def _paint(tiny: Tiny, guide: Guide, solver: Solver, trace: Any = None) -> torch.Tensor:
    nets = tiny.nets
    made = paint(tiny.config, nets.unet, nets.vae, guide, tiny.blank, tiny.additions, tiny.draws.latents, solver, trace)
    return (made / 2 + 0.5).permute(0, 2, 3, 1)


@pytest.mark.parametrize("variant", ["noguidance", "rate05", "nopose"])
def test_variants(variant: str, tiny: Tiny) -> None:
    recorded = tiny.recorded
    solver, guide = tiny.solver(), tiny.guide(use_pose=variant != "nopose")
    if variant == "noguidance":
        solver = replace(solver, guidance=1.0)
    if variant == "rate05":
        solver = replace(solver, garment_until=0.5)
    last: dict[str, torch.Tensor] = {}
    first: list[torch.Tensor] = []

    def note(
        _i: int, unguided: torch.Tensor | None, conditioned: torch.Tensor, _g: torch.Tensor, latents: torch.Tensor
    ) -> None:
        assert (unguided is None) == (variant == "noguidance")
        first.append(conditioned)
        last["latents"] = latents

    with torch.inference_mode():
        picture = _paint(tiny, guide, solver, note)
    recorded.check(f"{variant}.latents", last["latents"])
    recorded.check(f"{variant}.image", picture, 2e-4, absolute=True)
    if f"{variant}.unet.out.step0" in recorded.json["arrays"]:
        recorded.check(f"{variant}.unet.out.step0", first[0])


def test_every_recorded_array_was_compared(tiny: Tiny) -> None:
    if not {"image", "vae.mean", "nopose.image", "text.cond"} <= tiny.recorded.seen:
        pytest.skip("only some of this file's tests were run")
    tiny.recorded.complete()


def test_clip_preprocessing(rules: Rules) -> None:
    recorded = Recorded("clip_preprocess")
    garment = rules.given(recorded.json["inputs"]["cloth"])
    levels = clip_levels(garment)
    recorded.check("resized", levels, 1e-5, absolute=True)
    entry, stored = recorded.json["arrays"]["uint8"], recorded.arrays["uint8"]
    eight = torch.floor(levels * 255).numpy()[_slices(entry["stored"])]
    differs = np.abs(eight - stored.astype(np.float32))
    assert differs.max() <= 1
    assert (differs > 0).mean() <= 1e-4
    pixels = clip_pixels(garment).numpy()
    away = np.abs(pixels[_slices(recorded.json["arrays"]["pixel_values"]["stored"])] - recorded.arrays["pixel_values"])
    assert away.max() <= 0.0151
    assert (away > 1e-5).mean() <= 1e-4
    # the trap: divided by 255 twice, everything would lie below -1.4
    assert pixels.max() > 1


def test_prompts() -> None:
    recorded = _json("prompts")
    for name, text in recorded["prompts"].items():
        assert prompt(CATEGORY[name], recorded["num_words"]) == text
    for name, ids in recorded["token_ids"].items():
        assert (empty() if name == "empty" else tokens(CATEGORY[name], recorded["num_words"])).tolist() == ids
    assert recorded["word_id"] == WORD


# --- losses ------------------------------------------------------------------------------------------------------
def test_regularity_of_control_points() -> None:
    recorded = Recorded("losses")
    for case, want in recorded.json["tps_constraint"]["cases"].items():
        points = torch.from_numpy(recorded.arrays[f"points.{case}"])
        found = regularity(points)
        for name in ("rx", "ry", "cx", "cy"):
            assert float(getattr(found, name).mean()) == pytest.approx(want[name], rel=1e-5)
        for name in ("rg", "cg"):  # the published code takes the first sample's for all
            assert float(getattr(found, name)[0]) == pytest.approx(want[name], rel=1e-5)
        assert float(irregularity(points, published=True)) == pytest.approx(want["constraint"], rel=1e-5)
        alone = np.array(want["each_sample_alone"])
        for column, name in enumerate(("rx", "ry", "cx", "cy", "rg", "cg")):
            np.testing.assert_allclose(getattr(found, name).numpy(), alone[:, column], rtol=1e-5)
        assert float(irregularity(points)) == pytest.approx(alone.sum(axis=1).mean(), rel=1e-5)


def test_constraint_of_the_recorded_points(matched: dict[str, Any]) -> None:
    found = regularity(matched["points"])
    values = [found.rx.mean(), found.ry.mean(), found.cx.mean(), found.cy.mean(), found.rg[0], found.cg[0]]
    matched["recorded"].check("constraint", torch.stack(values))


@pytest.fixture(scope="module")
def vgg(rules: Rules) -> Vgg19Features:
    network, entry = Vgg19Features(), _json("losses")["vgg"]["weights"]
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    arrays = rules.weights.fill(shapes, entry["seed"], entry["mode"], entry["gain"], entry["rules"])
    assert len(arrays) == entry["filled_tensors"]
    load_features(network, {key: torch.from_numpy(array) for key, array in arrays.items()})
    return network.eval()


def test_perceptual_loss(rules: Rules, vgg: Vgg19Features) -> None:
    recorded = Recorded("losses")
    want = recorded.json["vgg"]
    assert list(TAP_WEIGHTS) == want["weights_per_layer"]
    entry = want["inputs"]["x"]
    x = rules.given(entry)
    y = (0.7 * x + 0.3 * rules.given({**entry, "key": "loss.y"})).clamp(-1, 1)
    with torch.inference_mode():
        seen = vgg_view(x)
        assert list(seen.shape) == want["resized_shape"]
        taps, target = vgg(seen), vgg(vgg_view(y))
        for level, (a, b) in enumerate(zip(taps, target, strict=True), start=1):
            recorded.check(f"vgg.x.relu{level}_1", a)
            assert float((a - b).abs().mean()) == pytest.approx(want["layer_l1"][level - 1], rel=1e-4)
        value, l1 = REFINE_VGG(x, y, vgg), REFINE(x, y)
    assert float(value) == pytest.approx(want["vgg_loss"], rel=1e-4)
    assert float(l1) == pytest.approx(want["l1"], rel=1e-4)
    total = REFINE.weight * l1 + REFINE_VGG.weight * value
    assert float(total) == pytest.approx(want["refinement_loss_l1_plus_0.25_vgg"], rel=1e-4)


def test_losses_of_the_emasc_stage(tiny: Tiny, vgg: Vgg19Features) -> None:
    want = _json("losses")["emasc_stage"]
    with torch.inference_mode():
        latents = encode(tiny.nets.vae, tiny.inputs.person).draw(tiny.loss_draw)
        made = decode(tiny.nets.vae, latents, tiny.additions)
        l1, seen = EMASC(made, tiny.inputs.person), EMASC_VGG(made, tiny.inputs.person, vgg)
    assert float(l1) == pytest.approx(want["l1"], rel=1e-4)
    assert float(seen) == pytest.approx(want["vgg"], rel=1e-4)
    assert float(EMASC.weight * l1 + EMASC_VGG.weight * seen) == pytest.approx(want["total"], rel=1e-4)
