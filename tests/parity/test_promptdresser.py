"""PromptDresser against recorded outputs of the published inference code; every setting comes from the manifests."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from scipy import ndimage

from fittingroom.core.errors import InputError
from fittingroom.core.labels import CIHP20
from fittingroom.data.sample import Parse
from fittingroom.methods.promptdresser import masks
from fittingroom.methods.promptdresser.attention import GarmentFeatures, join, project, self_attention_blocks
from fittingroom.methods.promptdresser.guidance import Guidance, branch_inputs, combine
from fittingroom.methods.promptdresser.network import (
    garment_features,
    garment_network,
    main_network,
    predict_noise,
    surplus,
)
from fittingroom.methods.promptdresser.options import options
from fittingroom.methods.promptdresser.prompts import in_published_order, is_skipped, pair_prompts
from fittingroom.methods.promptdresser.schedule import (
    Schedule,
    ancestral_step,
    clean_latents,
    posterior_variance,
    schedule,
)

pytest.importorskip("diffusers", reason="needs the extra `diffusion`")

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("FITTINGROOM_PARITY", ROOT.parent / "shared" / "parity")) / "promptdresser"


@pytest.fixture(scope="module")
def recorded() -> Path:
    if not (FOLDER / "unet_tiny.json").is_file():
        reason = f"no recorded outputs in {FOLDER} (set FITTINGROOM_PARITY)"
        if os.environ.get("FITTINGROOM_REQUIRE_DATA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return FOLDER


def manifest(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / name).read_text(encoding="utf-8"))


# --- networks ---------------------------------------------------------------------------------------------------
class Case:
    """The two networks filled by rule, and the recorded inputs and outputs."""

    def __init__(self, folder: Path) -> None:
        self.manifest = manifest(folder, "unet_tiny.json")
        self.arrays = load_file(folder / "unet_tiny.safetensors")
        weights = self.manifest["weights"]
        spec = importlib.util.spec_from_file_location("weights_rule", folder / weights["file"])
        assert spec is not None
        assert spec.loader is not None
        self.rule = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.rule)
        self.main = self.filled(main_network(self.manifest["unet_config_main"]), weights["seed_main"])
        self.garment = self.filled(garment_network(self.manifest["unet_config_garment"]), weights["seed_garment"])
        self.plan = schedule(self.manifest["scheduler"])

    def filled(self, network: Any, seed: str) -> Any:
        weights, state = self.manifest["weights"], network.state_dict()
        arrays = self.rule.fill(
            {name: tuple(value.shape) for name, value in state.items()},
            seed=seed,
            mode=weights["mode"],
            gain=weights["gain"],
            rules=weights["rules"],
        )
        assert arrays.keys() == state.keys()
        network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()}, strict=True)
        return network

    def given(self, name: str) -> torch.Tensor:
        return self.arrays[f"in.{name}"]

    def features(self) -> GarmentFeatures:
        """As the pipeline makes them: without garment and with it, once each, shared by the branches."""
        text, pooled, ids = self.given("clothing_text"), self.given("clothing_pooled"), self.given("time_ids")
        with torch.inference_mode():
            null = garment_features(
                self.garment, self.given("null_garment_latents"), torch.zeros_like(text), torch.zeros_like(pooled), ids
            )
            dressed = garment_features(self.garment, self.given("garment_latents"), text, pooled, ids)
        count = len(ids)
        with_garment = list(range(count, 2 * count))
        return join([null, dressed]).for_rows([*range(count), *with_garment, *with_garment])

    def branches(
        self, time: int, latents: torch.Tensor, features: GarmentFeatures | None, pooled: str = "full_pooled"
    ) -> torch.Tensor:
        text, summary, ids = branch_inputs(self.given("full_text"), self.given(pooled), self.given("time_ids"))
        with torch.inference_mode():
            return predict_noise(
                self.main,
                latents.repeat(3, 1, 1, 1),
                self.given("mask").repeat(3, 1, 1, 1),
                self.given("masked_latents").repeat(3, 1, 1, 1),
                time,
                text,
                summary,
                ids,
                features,
            )

    def guided(self, branches: torch.Tensor) -> torch.Tensor:
        scales = Guidance(self.manifest["guidance_scale_img"], self.manifest["guidance_scale_text"])
        return combine(branches, scales)

    def recorded_times(self, prefix: str) -> list[int]:
        return sorted(int(name.removeprefix(prefix)) for name in self.arrays if name.startswith(prefix))


@pytest.fixture(scope="module")
def case(recorded: Path) -> Case:
    return Case(recorded)


@pytest.fixture(scope="module")
def features(case: Case) -> GarmentFeatures:
    return case.features()


def error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    assert found.shape == wanted.shape
    return float((found.float() - wanted).abs().max() / wanted.abs().max())


def test_tensors_are_as_many_as_published(case: Case) -> None:
    for network, key in ((case.main, "tensors_main"), (case.garment, "tensors_garment_pruned")):
        state = network.state_dict()
        assert [len(state), sum(value.numel() for value in state.values())] == case.manifest[key]


def test_every_block_leaves_the_recorded_features(case: Case, features: GarmentFeatures) -> None:
    wanted = {name.removeprefix("bank."): value for name, value in case.arrays.items() if name.startswith("bank.")}
    assert len(wanted) == case.manifest["n_banks"]
    assert set(wanted) == set(features.banks) == set(self_attention_blocks(case.main))
    for name, value in wanted.items():
        assert error(features.read(features.banks[name]), value) < 1e-4, name


VARIANTS: dict[str, tuple[Callable[[Case, GarmentFeatures], GarmentFeatures | None], str]] = {
    "pred3": (lambda case, features: features, "full_pooled"),
    "pred3_plain": (lambda case, features: None, "full_pooled"),
    "pred3_bank_fp16": (lambda case, features: features.to(torch.float16).to(torch.float32), "full_pooled"),
    "pred3_midup": (lambda case, features: features.only("mid_block", "up_blocks"), "full_pooled"),
    "stage_a_pred3": (lambda case, features: features, "clothing_pooled"),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_three_branches_predict_the_recorded_noise(name: str, case: Case, features: GarmentFeatures) -> None:
    change, pooled = VARIANTS[name]
    times = case.recorded_times(f"{name}_t")
    assert times
    for time in times:
        found = case.branches(time, case.given("latents"), change(case, features), pooled)
        assert error(found, case.arrays[f"{name}_t{time}"]) < 1e-4, time


def test_guidance_weighs_the_branches_as_recorded(case: Case, features: GarmentFeatures) -> None:
    for time in case.manifest["timesteps_checked"]:
        found = case.guided(case.branches(time, case.given("latents"), features))
        assert error(found, case.arrays[f"guided_t{time}"]) < 1e-4, time


def test_keys_and_values_made_once_change_nothing(case: Case, features: GarmentFeatures) -> None:
    with torch.inference_mode():
        ready = project(case.main, features)
    assert not ready.banks
    for time in case.recorded_times("pred3_t"):
        assert error(case.branches(time, case.given("latents"), ready), case.arrays[f"pred3_t{time}"]) < 1e-4


def test_half_precision_stays_near(recorded: Path) -> None:
    """float16 only: rounding the weights alone to bfloat16, with all arithmetic exact, is 0.025 to 0.039 away."""
    case, kind = Case(recorded), torch.float16
    case.arrays |= {name: value.to(kind) for name, value in case.arrays.items() if name.startswith("in.")}
    wanted = {name: value for name, value in case.arrays.items() if name.startswith(("pred3_t", "guided_t"))}
    case.main.to(kind)
    case.garment.to(kind)
    features = case.features()
    for time in case.manifest["timesteps_checked"]:
        branches = case.branches(time, case.given("latents"), features)
        assert branches.dtype == kind
        assert error(branches, wanted[f"pred3_t{time}"]) < 2e-2
        assert error(case.guided(branches.float()), wanted[f"guided_t{time}"]) < 2e-2


def sampled(
    case: Case, features: GarmentFeatures, steps: int, pooled: str = "full_pooled"
) -> Iterator[tuple[int, dict[str, torch.Tensor]]]:
    latents, noises = case.given("latents"), case.given(f"noise_{steps}")
    for index, time in enumerate(case.plan.times(steps)):
        noise = case.guided(case.branches(time, latents, features, pooled))
        clean = clean_latents(case.plan, latents, noise, time)
        after = ancestral_step(case.plan, latents, noise, time, steps, noises[index])
        yield index, {"latents_in": latents, "eps": noise, "x0": clean, "prev": after, "t": torch.tensor(time)}
        latents = after


def recorded_steps(case: Case, kind: str) -> list[int]:
    """Numbers of steps of the recorded samplings ``kind``."""
    return sorted({int(found[1]) for name in case.arrays if (found := re.match(rf"{kind}(\d+)\.", name))})


def test_the_sampler_goes_the_recorded_way(case: Case, features: GarmentFeatures) -> None:
    every = recorded_steps(case, "ddpm")
    assert every
    for steps in every:
        assert case.plan.times(steps) == case.manifest.get(f"timesteps_ddpm{steps}", case.plan.times(steps))
        recorded = {name for name in case.arrays if name.startswith(f"ddpm{steps}.")}
        bound = 1e-4 if steps < 30 else 1e-3
        for index, found in sampled(case, features, steps):
            for key, value in found.items():
                name = f"ddpm{steps}.{index:02d}.{key}"
                if name in recorded:
                    recorded.remove(name)
                    assert error(value, case.arrays[name]) < bound, name
        assert not recorded


def test_the_mask_finding_stage_goes_the_recorded_way(case: Case, features: GarmentFeatures) -> None:
    (steps,) = recorded_steps(case, "stage_a")
    recorded = {name for name in case.arrays if name.startswith(f"stage_a{steps}.")}
    stop = case.manifest[f"stage_a_stop_index_of_{steps}"]
    assert stop == options({"mask_steps": steps}).stop
    for index, found in sampled(case, features, steps, "clothing_pooled"):
        for key, value in found.items():
            for name in (f"stage_a{steps}.{index:02d}.{key}", *([f"stage_a{steps}.{key}"] if index == stop else [])):
                if name in recorded:
                    recorded.remove(name)
                    if key == "t":
                        assert int(value) == int(case.arrays[name])
                    else:
                        assert error(value, case.arrays[name]) < 1e-4, name
        if index == stop:
            break
    assert not recorded


# --- schedule ---------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def plan(recorded: Path) -> tuple[Schedule, dict[str, Any]]:
    values = manifest(recorded, "scheduler.json")
    return schedule(values["settings"]), values


def test_times_are_the_recorded_ones(plan: tuple[Schedule, dict[str, Any]]) -> None:
    for steps, times in plan[1]["timesteps"].items():
        assert plan[0].times(int(steps)) == times


def test_the_mask_finding_stage_stops_where_recorded(plan: tuple[Schedule, dict[str, Any]]) -> None:
    stop = plan[1]["stage_a_stop"]
    chosen = options({"mask_steps": stop["steps"], "mask_stop": stop["ratio"]})
    assert chosen.stop == stop["index"]
    assert plan[0].times(stop["steps"])[chosen.stop] == stop["timestep"]


def test_powers_and_variances_are_the_recorded_ones(plan: tuple[Schedule, dict[str, Any]]) -> None:
    found, values = plan
    last = len(found.cumulative) - 2
    plain = schedule({**values["settings"], "rescale_betas_zero_snr": False})
    for table, powers in (("alphas_cumprod_zero_snr", found.cumulative), ("alphas_cumprod_plain", plain.cumulative)):
        for time, wanted in values[table].items():
            near = {"abs": 1e-8} if int(time) >= last else {"rel": 1e-5}
            assert float(powers[int(time)]) == pytest.approx(wanted, **near), (table, time)
    for time, wanted in values["betas_zero_snr"].items():
        assert float(found.betas[int(time)]) == pytest.approx(wanted, rel=1e-4), time
    for steps, variances in values["variance"].items():
        for time, wanted in variances.items():
            assert posterior_variance(found, int(time), int(steps)) == pytest.approx(wanted, rel=1e-4), time


# --- full size --------------------------------------------------------------------------------------------------
def test_full_size_networks_have_the_published_names(recorded: Path) -> None:
    published = json.loads(gzip.decompress((recorded / "full_size_keys.json.gz").read_bytes()))
    with torch.device("meta"):
        main = main_network(published["unet_config_main"])
        garment = garment_network(published["unet_config_garment"])

    def shapes(network: Any) -> dict[str, list[int]]:
        return {name: list(value.shape) for name, value in network.state_dict().items()}

    assert shapes(main) == published["main"]
    assert shapes(garment) == published["garment_pruned"]
    count, values = published["counts"]["main"]
    assert (len(published["main"]), sum(int(np.prod(shape)) for shape in published["main"].values())) == (count, values)
    tail = set(published["main"]) - set(published["garment_pruned"])
    assert surplus(set(published["main"]), garment) == tail
    assert surplus({*tail, "no.such.tensor"}, garment) == tail


# --- masks ------------------------------------------------------------------------------------------------------
CATEGORY = {"lower_body": "lower", "dresses": "dress"}


class Recorded:
    """The recorded parses, keypoints and masks."""

    def __init__(self, folder: Path) -> None:
        self.manifest = manifest(folder, "masks.json")
        with np.load(folder / "masks.npz") as arrays:
            self.arrays = {name: arrays[name] for name in arrays.files}

    def names(self, *, start: tuple[str, ...] = (), kind: str = "") -> list[str]:
        """Names of built masks, or of those beginning with ``start``."""
        return [
            name
            for name in self.manifest["masks"]
            if (
                name.startswith(start) if start else name.split(".")[0] in self.manifest["items"] and ".dil" not in name
            )
            and kind in name
        ]

    def masks(self, name: str) -> list[np.ndarray]:
        """One recorded mask, or two where the library's versions differ."""
        height, width = self.manifest["masks"][name]["size_hw"]
        found = [self.arrays[key] for key in (name, f"{name}#cv5") if key in self.arrays]
        return [np.unpackbits(bits)[: height * width].reshape(height, width).astype(bool) for bits in found]

    def built(self, name: str) -> np.ndarray:
        plain, _, size = name.partition("@")
        item, variant, *marks = plain.split(".")
        labels, joints = self.arrays[f"{item}.parse"], self.arrays[f"{item}.keypoints"]
        if size:
            width, height = (int(value) for value in size.split("x"))
            joints = joints * [width / labels.shape[1], height / labels.shape[0]]
            labels = np.asarray(Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST))
        category = next((CATEGORY[mark] for mark in marks if mark in CATEGORY), "upper")
        arm_width = masks.ARM_WIDTH_DRESS_CODE if "dc" in marks else masks.ARM_WIDTH
        return masks.build(labels, joints, variant, category, arm_width=arm_width)


@pytest.fixture(scope="module")
def painted(recorded: Path) -> Recorded:
    return Recorded(recorded)


def test_masks_are_the_recorded_ones_pixel_by_pixel(painted: Recorded) -> None:
    names = [name for name in painted.names() if ".official" not in name]
    assert {name.split(".")[0] for name in names} == set(painted.manifest["items"])
    for name in names:
        found, wanted = painted.built(name), painted.masks(name)[0]
        assert found.sum() == painted.manifest["masks"][name]["set_pixels"], name
        assert np.array_equal(found, wanted), name


def test_outlined_masks_are_the_recorded_ones_but_for_their_outline(painted: Recorded) -> None:
    names = painted.names(kind=".official")
    assert {name.split(".")[0] for name in names} == set(painted.manifest["items"])
    for name in names:
        found, wanted = painted.built(name), painted.masks(name)
        if any(np.array_equal(found, mask) for mask in wanted):
            continue
        overlap = (found & wanted[0]).sum() / (found | wanted[0]).sum()
        assert overlap >= 0.998, name
        outline = ndimage.binary_dilation(wanted[0], np.ones((3, 3))) & ~ndimage.binary_erosion(
            wanted[0], np.ones((3, 3))
        )
        assert not ((found != wanted[0]) & ~outline).any(), name


def test_training_masks_are_the_recorded_ones(painted: Recorded) -> None:
    names = [name for name in painted.manifest["masks"] if ".dil" in name]
    assert names
    for name in names:
        plain, at, size = name.partition("@")
        item, steps = plain.split(".dil")
        fine, coarse = (painted.masks(f"{item}.{kind}{at}{size}")[0] for kind in ("armneck", "v9"))
        assert np.array_equal(masks.between(fine, coarse, int(steps)), painted.masks(name)[0]), name


def test_stage_two_masks_are_the_recorded_ones(painted: Recorded) -> None:
    names = painted.names(start=("union",))
    assert names
    for name in names:
        kind, _, rest = name.partition(".")
        pair, _, size = rest.partition("@")
        seen, fine = pair.split("+")
        size = size or next(other for other in names if f".{pair}@" in other).partition("@")[2]
        found = masks.join(painted.masks(f"{fine}.armneck@{size}")[0], painted.masks(f"{seen}.only_cloth")[0])
        found = masks.to_latents(found) if kind == "union_latent" else found
        assert np.array_equal(found, painted.masks(name)[0]), name


def test_labels_are_translated_as_recorded(painted: Recorded) -> None:
    for line, wanted in painted.manifest["label_map_cihp20_to_parse"].items():
        label = np.array([[int(line.split()[0])]], np.uint8)
        assert int(masks.to_ids(Parse(label, CIHP20))[0, 0]) == wanted, line


# --- prompts ----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def said(recorded: Path) -> dict[str, Any]:
    return manifest(recorded, "prompts.json")


def test_prompts_are_the_recorded_words(said: dict[str, Any]) -> None:
    groups = [(said["cases"], said["captions"], False)]
    if "by_category" in said:
        groups.append((said["by_category"]["cases"], said["by_category"]["captions"], True))
    for cases, captions, by_category in groups:
        assert cases
        for case in cases:
            pair = (case["person"], case["garment"])
            skipped = is_skipped(*pair, case.get("category", ""))
            assert skipped == bool(case.get("skipped", False)), pair
            if skipped:
                continue
            if "error" in case:
                with pytest.raises(InputError) as caught:
                    pair_prompts(captions, *pair, by_category=by_category)
                assert "\n" not in str(caught.value)
                continue
            found = pair_prompts(captions, *pair, by_category=by_category)
            assert (found.full, found.clothing) == (case["full"], case["clothing"]), pair


def test_a_list_of_pairs_is_returned_in_the_recorded_order(said: dict[str, Any]) -> None:
    lines = in_published_order([tuple(line) for line in said["whole_list"]["lines"]])
    found = []
    for person, garment in lines:
        words = pair_prompts(said["captions"], person, garment)
        found.append({"person": person, "garment": garment, "full": words.full, "clothing": words.clothing})
    assert found == said["whole_list"]["result"]


def test_without_captions_the_prompts_are_empty(said: dict[str, Any]) -> None:
    found = [pair_prompts(None, *line) for line in said["no_captions"]["lines"]]
    assert [words.full for words in found] == said["no_captions"]["full"]
    assert [words.clothing for words in found] == said["no_captions"]["clothing"]
