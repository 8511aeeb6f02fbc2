"""Training of PromptDresser: stages, resumed bits, what rests, low-rank updates, augmentation, vocabulary, and what is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.images import read_image
from fittingroom.data.dataset import Dataset

pytest.importorskip("diffusers", reason="needs the extra `diffusion`")

from fittingroom.methods.promptdresser.augment import augmented, draw_view, seen, seen_mask
from fittingroom.methods.promptdresser.finish import finish_terms
from fittingroom.methods.promptdresser.losses import LOSSES
from fittingroom.methods.promptdresser.method import PromptDresser
from fittingroom.methods.promptdresser.recipe import TrainOptions, from_recipe, mini_sizes, tiny_sizes
from fittingroom.methods.promptdresser.schedule import schedule
from fittingroom.methods.promptdresser.start import Start
from fittingroom.methods.promptdresser.steps import dropped, times
from fittingroom.methods.promptdresser.training import DresserTask
from fittingroom.methods.promptdresser.weights import NETWORKS, load_tokenizer
from fittingroom.methods.promptdresser.words import learn, vocabulary, write_tokenizer
from fittingroom.train.checkpoint import checkpoints
from fittingroom.train.log import read_log
from fittingroom.train.loop import Trained
from fittingroom.train.run import read_recipe, train

RECIPES = Path(__file__).resolve().parents[3] / "recipes"
SMALL: dict[str, dict[str, Any]] = {
    "model": {"size": "tiny"},
    "promptdresser": {
        "start": "random",
        "autoencoder_steps": 2,
        "tryon_steps": 2,
        "perceptual": "small",
        "garment": True,
        "encoders": True,
        "warmup": 1,
        "crop": 64,
        "average_kimg": 0.01,
        "half": False,
    },
    "train": {"steps": 6, "batch": 2, "save_every": 100, "sheet_every": 0, "log_every": 1},
}
#: begins with weights, as people with published ones do
FROM_WEIGHTS = {"lr": 1e-3, "warmup": 0, "half": False}


@pytest.fixture(scope="module")
def few(drawn: Dataset) -> Dataset:
    """Four paired samples."""
    return drawn.only(limit=4)


def run(data: Dataset, out: Path, *, options: dict[str, Any] | None = None, **settings: Any) -> Trained:
    changes = {"promptdresser": options or {}, "train": settings}
    return train(data, "promptdresser", recipe=SMALL, out=out, changes=changes)


def run_from(folder: Path, data: Dataset, out: Path, steps: int, **options: Any) -> Trained:
    recipe = {"promptdresser": {"start": str(folder), **FROM_WEIGHTS, **options}, "train": SMALL["train"]}
    return train(data, "promptdresser", recipe=recipe, out=out, changes={"train": {"steps": steps}})


def bits(folder: Path) -> dict[str, bytes]:
    tensors = safetensors.torch.load_file(checkpoints(folder)[-1] / "weights.safetensors")
    return {key: value.numpy().tobytes() for key, value in tensors.items()}


def changed(before: Path, after: Path, part: str) -> set[str]:
    one, two = (safetensors.torch.load_file(folder / part / "model.safetensors") for folder in (before, after))
    assert set(one) == set(two)
    return {name for name in one if not torch.equal(one[name], two[name])}


@pytest.fixture(scope="module")
def trained(few: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return run(few, tmp_path_factory.mktemp("trained"), sheet_every=100)


def test_a_model_from_nothing_dresses_people(trained: Trained, drawn: Dataset) -> None:
    assert trained.finished
    method = PromptDresser.load(trained.weights, preset="fast", steps=2, mask_steps=2)
    sample = next(iter(drawn.samples("unpaired")))
    assert method.run(sample).shape == sample.person.image().shape
    vae = json.loads((trained.weights / "vae" / "config.json").read_text())
    # the new autoencoder's latents were measured
    assert vae["scaling_factor"] != tiny_sizes().vae["scaling_factor"]


def test_the_log_names_stage_and_term(trained: Trained) -> None:
    lines = read_log(trained.folder)
    stages = [sorted({key.split("/")[0] for key in line if "/" in key}) for line in lines]
    assert stages == [["autoencoder"], ["autoencoder"], ["tryon"], ["tryon"], ["finish"], ["finish"]]
    named = {key.split("/")[1] for line in lines for key in line if "/" in key}
    assert named == {loss.name for loss in LOSSES}
    assert read_image(next((trained.folder / "samples").iterdir())).shape == (4 * 128, 4 * 96, 3)


def test_everything_learns_in_a_model_from_nothing(trained: Trained, few: Dataset, tmp_path: Path) -> None:
    begin = run(few, tmp_path / "begin", options={"lr": 1e-12, "lr_autoencoder": 1e-12}, steps=3)
    for part in NETWORKS:
        assert changed(begin.weights, trained.weights, part), part


def test_another_trainings_autoencoder_is_taken_and_its_latents_measured(
    trained: Trained, few: Dataset, tmp_path: Path
) -> None:
    given = trained.weights / "vae"
    options = {"autoencoder": str(given / "model.safetensors"), "autoencoder_steps": 0, "stage": "tryon"}
    done = run(few, tmp_path, options=options, steps=1)
    assert not changed(trained.weights, done.weights, "vae")
    scales = [
        json.loads((each.weights / "vae" / "config.json").read_text())["scaling_factor"] for each in (trained, done)
    ]
    assert scales[0] == pytest.approx(scales[1], rel=1e-5)


def test_resuming_gives_the_same_bits(trained: Trained, few: Dataset, tmp_path: Path) -> None:
    for steps in (1, 3, 5, 6):
        run(few, tmp_path / "run", steps=steps)
    assert bits(tmp_path / "run") == bits(trained.folder)


@pytest.mark.parametrize("augment", [True, False])
def test_kept_features_change_no_bit(augment: bool, tiny_folder: Path, few: Dataset, tmp_path: Path) -> None:
    made = {}
    for cache in ("none", "memory", "disk"):
        kept = {"cache": cache, "cache_folder": str(tmp_path / "kept"), "augment": augment}
        for steps in (1, 3):
            run_from(tiny_folder, few, tmp_path / cache, steps, **kept)
        made[cache] = bits(tmp_path / cache)
    assert made["none"] == made["memory"] == made["disk"]
    kinds = list((tmp_path / "kept").iterdir())
    assert len(kinds) == (1 if augment else 2)  # prompts, and latents where pictures stay as they are


def test_the_garment_network_rests_where_weights_are_ready(tiny_folder: Path, few: Dataset, tmp_path: Path) -> None:
    done = run_from(tiny_folder, few, tmp_path / "out", 2)
    for part in NETWORKS:
        assert bool(changed(tiny_folder, done.weights, part)) == (part == "unet"), part


def test_low_rank_updates_are_merged_on_export(tiny_folder: Path, few: Dataset, tmp_path: Path, drawn: Dataset) -> None:
    done = run_from(tiny_folder, few, tmp_path / "out", 2, lora=2)
    names = changed(tiny_folder, done.weights, "unet")
    assert any("attn1.to_k" in name for name in names)
    assert any("attn2.to_out.0" in name for name in names)
    assert all(".attn1." in name or ".attn2." in name or name.startswith("conv_in.") for name in names)
    for part in NETWORKS[1:]:
        assert not changed(tiny_folder, done.weights, part)
    stored = safetensors.torch.load_file(checkpoints(tmp_path / "out")[-1] / "weights.safetensors")
    whole = safetensors.torch.load_file(tiny_folder / "unet" / "model.safetensors")
    assert sum(value.numel() for value in stored.values()) < sum(value.numel() for value in whole.values()) / 4
    PromptDresser.load(done.weights, preset="fast", steps=2, mask_steps=2).run(next(drawn.samples("unpaired")))


def test_learning_lowers_the_loss(tiny_folder: Path, drawn: Dataset, tmp_path: Path) -> None:
    still = {"augment": False, "random_mask": False, "dropout": 0.0, "lr": 4e-3, "save_memory": False}
    recipe = {
        "promptdresser": {"start": str(tiny_folder), **FROM_WEIGHTS, **still},
        "train": {**SMALL["train"], "steps": 60, "batch": 4},
    }
    train(drawn.only(limit=1), "promptdresser", recipe=recipe, out=tmp_path / "out")
    losses = [line["tryon/noise"] for line in read_log(tmp_path / "out")]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])


def test_samples_lose_what_the_shares_say() -> None:
    gone = dropped(40_000, 0.05, torch.Generator().manual_seed(0), torch.device("cpu"))
    shares = {name: float(value.float().mean()) for name, value in vars(gone).items()}
    assert shares == pytest.approx({"garment": 0.1, "clothing": 0.1, "full": 0.1}, abs=0.006)
    assert torch.equal(gone.garment, gone.clothing)
    assert float((gone.garment & gone.full).float().mean()) == pytest.approx(0.05, abs=0.005)
    spared = dropped(100, 1 / 3, torch.Generator().manual_seed(0), torch.device("cpu"), spared=60)
    assert not any(bool(value[:60].any()) for value in vars(spared).values())
    assert bool((spared.garment | spared.full)[60:].all())
    nobody = dropped(100, 0.0, torch.Generator().manual_seed(0), torch.device("cpu"))
    assert not any(bool(value.any()) for value in vars(nobody).values())


def test_the_time_without_signal_is_not_drawn() -> None:
    """With all of the signal gone the target says nothing about the photo (Lin et al., WACV 2024)."""
    plan, device = schedule(), torch.device("cpu")
    assert float(plan.cumulative[-1]) == 0
    usual = times(200_000, plan, False, torch.Generator().manual_seed(0), device)
    assert (int(usual.min()), int(usual.max())) == (0, 998)
    assert float(plan.cumulative[usual].min()) > 0
    assert int(times(200_000, plan, True, torch.Generator().manual_seed(0), device).max()) == 999


def test_each_sample_may_have_a_few_variations(few: Dataset) -> None:
    task = DresserTask(few, tiny_sizes(), TrainOptions(start="random", perceptual="none", variations=3))
    plain = DresserTask(few, tiny_sizes(), TrainOptions(start="random", perceptual="none", augment=False))
    for name in ("person", "garment"):
        assert torch.equal(task.item(1, 0)[name], plain.item(1, 0)[name])
    seen = [task.item(1, seed) for seed in range(6)]
    assert [int(each["variation"]) for each in seen] == [0, 1, 2, 0, 1, 2]
    for one, two in zip(seen[:3], seen[3:], strict=True):  # masks too, whose latents are kept
        assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(seen[0]["person"], seen[1]["person"])
    assert not torch.equal(seen[1]["person"], seen[2]["person"])


def test_variations_and_their_kept_latents_change_no_bit(tiny_folder: Path, few: Dataset, tmp_path: Path) -> None:
    made = []
    for cache in ("none", "disk"):
        for steps in (1, 4):
            kept = {"cache": cache, "cache_folder": str(tmp_path / "kept"), "variations": 2, "late": 2.0}
            run_from(tiny_folder, few, tmp_path / cache, steps, **kept)
        made.append(bits(tmp_path / cache))
    assert made[0] == made[1]


def test_one_step_from_noise_is_compared_as_a_picture() -> None:
    """A network that knows the photo is as good as the autoencoder; half of the batch learns from noise as before."""
    sizes = tiny_sizes()
    start = Start("random", sizes, 1)
    vae, plan = start.network("vae"), schedule(sizes.scheduler)
    scale = float(vae.config.scaling_factor)
    random = torch.Generator().manual_seed(2)
    person = torch.rand(3, 3, 128, 96, generator=random) * 2 - 1
    mask = torch.zeros(3, 1, 128, 96)
    mask[..., 32:96, 32:64] = 1
    with torch.no_grad():
        clean = vae.encode(person).latent_dist.mean
        best = vae.decode(clean).sample * mask + person * (1 - mask)
    latents = dict.fromkeys(("person", "masked", "garment"), clean * scale)
    shown: list[tuple[torch.Tensor, torch.Tensor]] = []

    def found(right: float, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        def known(
            _unet: Any,
            _garment: Any,
            _latents: Any,
            _text: Any,
            _mask: Any,
            noisy: torch.Tensor,
            time: torch.Tensor,
            **_: Any,
        ) -> torch.Tensor:
            shown.append((noisy, time))
            power = plan.cumulative[time][:, None, None, None]
            picture = right * clean * scale
            return power.sqrt() * (noisy - power.sqrt() * picture) / (1 - power).sqrt() - (1 - power).sqrt() * picture

        monkeypatch.setattr("fittingroom.methods.promptdresser.finish.answer", known)
        parts = {"unet": None, "garment_unet": None, "vae": vae}
        batch, options = {"person": person, "mask": mask}, TrainOptions(start="random", late=4.0)
        return finish_terms(parts, plan, latents, {}, batch, torch.Generator().manual_seed(1), None, options)

    with pytest.MonkeyPatch.context() as patch:
        good, bad = found(1.0, patch), found(0.0, patch)
    assert set(good) == {"noise", "finish_l1", "finish_colour"}
    torch.testing.assert_close(good["finish_l1"][1], (best - person)[:2].abs().mean(), rtol=1e-3, atol=1e-4)
    assert float(good["noise"][1]) < 1e-6
    assert float(bad["noise"][1]) > 1e-3
    noisy, time = shown[0]
    assert time[:2].tolist() == [999, 999]
    assert abs(float(noisy[:2].std()) - 1) < 0.1  # noise alone


def test_a_network_that_predicts_noise_has_no_finish(tiny_folder: Path, few: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="leave tryon_steps at 0") as caught:
        run_from(tiny_folder, few, tmp_path / "out", 2, tryon_steps=1)
    assert "\n" not in str(caught.value)


def test_items_are_the_same_for_the_same_seed_in_any_process(few: Dataset) -> None:
    task = DresserTask(few, tiny_sizes(), TrainOptions(start="random", perceptual="none"))
    again = pickle.loads(pickle.dumps(task))
    first, second = task.item(1, 5), again.item(1, 5)
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = task.item(1, 6)
    assert not torch.equal(first["person"], other["person"])
    assert first["person"].shape == (3, 128, 96)
    assert set(first["mask"].unique().tolist()) == {0.0, 1.0}


def test_the_mask_moves_with_the_person_and_not_with_the_garment() -> None:
    mask = np.zeros((128, 96), bool)
    mask[40:90, 20:60] = True
    picture = np.where(mask[..., None], np.uint8(230), np.uint8(20)).astype(np.uint8).repeat(3, axis=2)
    together = apart = 0.0
    for seed in range(20):
        person, garment, (moved,) = augmented(picture, picture, [mask], np.random.default_rng(seed))
        bright = person.max(axis=2) > person.max() / 2
        together += float((bright == moved).mean()) / 20
        apart += float(((garment.max(axis=2) > garment.max() / 2) == moved).mean()) / 20
    assert together > 0.985
    assert apart < 0.95


def test_a_view_keeps_the_middle_of_a_plain_scaling() -> None:
    random = np.random.default_rng(3)
    areas, shapes = [], []
    for _ in range(200):
        view = draw_view((128, 96), random)
        assert view[0, 1] == view[1, 0] == 0
        areas.append(view[0, 0] * view[1, 1])
        shapes.append(view[0, 0] / view[1, 1])
    # a cut of 80 to 100 % of the area, then a factor of 0.8 to 1.2 on each side
    assert 0.8**2 <= min(areas) < 0.9
    assert 1.3 < max(areas) <= 1.2**2 / 0.8 + 1e-9
    # the cut is 3 to 4 at its slimmest, as the picture is, and at most 0.75 / 0.8 wide
    assert 0.8 - 1e-9 <= min(shapes) < 0.9
    assert max(shapes) <= 1 + 1e-9
    slim = [draw_view((128, 64), random) for _ in range(50)]  # no cut of an allowed aspect has four fifths of the area
    assert all(view[0, 0] / view[1, 1] == pytest.approx(0.5 / 0.75) for view in slim)
    still = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    picture = random.integers(0, 256, (128, 96, 3)).astype(np.uint8)
    assert np.array_equal(seen(picture, still), picture)
    assert np.array_equal(seen_mask(picture[..., 0] > 128, still), picture[..., 0] > 128)


def test_words_are_learned_and_everything_can_be_said(tmp_path: Path) -> None:
    prompts = ["a red shirt with long sleeves", "a blue shirt with short sleeves", "red trousers"]
    merges = learn(prompts, 40)
    assert merges == learn(list(reversed(prompts)), 40)
    write_tokenizer(tmp_path / "tokenizer", vocabulary(merges), merges, "!", 77)
    tokenizer = load_tokenizer(tmp_path, "tokenizer")
    assert len(tokenizer("shirt", add_special_tokens=False)["input_ids"]) == 1
    for text in ("a red shirt", "zyx 7!", "кофта"):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids).strip().replace(" ", "") == text.replace(" ", "")


def test_a_new_garment_network_begins_like_the_main_one() -> None:
    start = Start("random", tiny_sizes(), 3)
    start.learn_words(["a shirt"])
    main, garment = start.network("unet").state_dict(), start.network("garment_unet").state_dict()
    alike = [name for name in garment if torch.equal(main[name], garment[name])] if garment else []
    assert {name for name in garment if name not in alike} == {"conv_in.weight"}


def test_the_mini_recipe_is_whole_and_small() -> None:
    tables = read_recipe(RECIPES / "promptdresser-mini.toml")
    tables.pop("train")
    sizes, options = from_recipe(tables)
    assert sizes == mini_sizes()
    assert list(options.stages()) == ["autoencoder", "tryon"]
    start = Start("random", mini_sizes(), 1)
    start.learn_words(["a shirt"])
    numbers = sum(sum(each.numel() for each in start.network(part).parameters()) for part in NETWORKS)
    vocabulary_growth = 2 * mini_sizes().merges * mini_sizes().width
    assert 2 * (numbers + vocabulary_growth) < 24e6


@pytest.mark.parametrize(
    ("tables", "line"),
    [
        ({"model": {"size": "huge"}}, "model.size is 'huge'"),
        ({"model": {"depth": 3}}, "model has no setting depth"),
        ({"promptdresser": {"speed": 3}}, "promptdresser has no setting speed"),
        ({"promptdresser": {"lr": 0}}, "promptdresser.lr is 0"),
        ({"promptdresser": {"dropout": 0.5}}, "promptdresser.dropout is 0.5"),
        ({"promptdresser": {"stage": "warp"}}, "promptdresser.stage is 'warp'"),
        ({"promptdresser": {"late": 0.5}}, "promptdresser.late is 0.5"),
        ({"promptdresser": {"variations": 2, "augment": False}}, "set augment = true, or no variations"),
        ({"promptdresser": {"crop": 30}}, "choose a multiple of 8"),
        ({"promptdresser": {"cache": "disk"}}, "but where"),
        ({"promptdresser": {"start": "random"}}, "needs model.size = 'mini'"),
        ({"model": {"size": "mini"}}, "needs model.size = 'mini'"),
    ],
)
def test_bad_recipes_are_one_line(tables: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as caught:
        from_recipe(tables)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_published_weights_there_is_one_line(few: Dataset, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="published PromptDresser weights are not here") as caught:
        train(few, "promptdresser", out=tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_data_without_annotations_is_one_line(drawn: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing in .* can be trained on"):
        run(drawn.only(limit=0), tmp_path / "out")
