"""Training of PASTA-GAN++: resumed bits, every phase, recipes, and data that gives it trouble."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.images import read_image
from fittingroom.core.labels import CIHP20
from fittingroom.core.pose import Pose
from fittingroom.data.dataset import Dataset
from fittingroom.data.sample import Parse
from fittingroom.methods.pasta_gan_pp.conditions import prepare_training
from fittingroom.methods.pasta_gan_pp.config import PUBLISHED, GeneratorConfig
from fittingroom.methods.pasta_gan_pp.erasing import free_form
from fittingroom.methods.pasta_gan_pp.growing import HalfSize
from fittingroom.methods.pasta_gan_pp.losses import COLOUR, LOSSES
from fittingroom.methods.pasta_gan_pp.method import PastaGan
from fittingroom.methods.pasta_gan_pp.network import run_generator
from fittingroom.methods.pasta_gan_pp.options import TrainOptions, from_recipe
from fittingroom.methods.pasta_gan_pp.placing import on_canvas
from fittingroom.methods.pasta_gan_pp.training import PastaTask, adam
from fittingroom.nn.stylegan2 import draw_noise
from fittingroom.train.checkpoint import checkpoints
from fittingroom.train.log import read_log
from fittingroom.train.loop import Trained
from fittingroom.train.run import read_recipe, train

RECIPES = Path(__file__).resolve().parents[3] / "recipes"
SMALL: dict[str, dict[str, Any]] = {
    "generator": {
        "height": 64,
        "width": 64,
        "channel_base": 512,
        "channel_max": 16,
        "style_base": 2,
        "identity": 2,
    },
    "pasta-gan++": {"perceptual": "none", "r1_every": 2, "ada_kimg": 0.05},
    "train": {"steps": 4, "batch": 2, "save_every": 10, "sheet_every": 0, "log_every": 1},
}


def run(data: Dataset, out: Path, **options: Any) -> Trained:
    changes = {"pasta-gan++": options.pop("options", {}), "train": options}
    return train(data, "pasta-gan++", recipe=SMALL, out=out, changes=changes)


def bits(folder: Path) -> dict[str, bytes]:
    tensors = safetensors.torch.load_file(checkpoints(folder)[-1] / "weights.safetensors")
    return {key: value.numpy().tobytes() for key, value in tensors.items()}


@pytest.fixture(scope="module")
def trained(drawn: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return run(drawn, tmp_path_factory.mktemp("trained"), sheet_every=100)


def test_a_training_gives_weights_that_dress_people(trained: Trained, drawn: Dataset) -> None:
    assert trained.finished
    method = PastaGan.load(trained.weights)
    sample = next(each for each in drawn.samples("unpaired") if each.wearer is not None)
    assert method.run(sample).shape == sample.person.image().shape
    assert json.loads((trained.weights / "config.json").read_text())["trained"]["options"]["r1_every"] == 2


def test_the_log_holds_every_term(trained: Trained) -> None:
    lines = read_log(trained.folder)
    assert len(lines) == 4
    always = {"G/gan", "G/gan_parsing", "G/l1", "G/parsing", "D/loss", "D/real_sign", "Dp/loss", "D/augment_p"}
    for index, line in enumerate(lines):
        assert always <= set(line)
        assert ("D/r1" in line) == ("Dp/r1" in line) == (index % 2 == 0)
        assert all(np.isfinite(value) for value in line.values())
    sheet = read_image(next((trained.folder / "samples").iterdir()))
    assert sheet.shape == (64 * 6, 64 * 5, 3)  # six people; photo, made again, the other, her top, everything of hers


def test_augmentation_follows_the_mean_sign_of_a_step(drawn: Dataset, tmp_path: Path) -> None:
    """Not the sign of that mean: one photo more on one side would then count as all of them."""
    run(drawn, tmp_path, steps=6, batch=4, options={"ada_target": 0.5, "r1_every": 16})
    lines = read_log(tmp_path)
    p, signs = 0.0, []
    assert any(0 < abs(line["D/real_sign"]) < 1 for line in lines)
    for step, line in enumerate(lines):
        signs.append(line["D/real_sign"])
        if step % 4 == 0:
            p = min(max(p + np.copysign(4 * 4 / 50, np.mean(signs) - 0.5), 0), 1)
            signs = []
        assert line["D/augment_p"] == pytest.approx(p)


def test_resuming_gives_the_same_bits(trained: Trained, drawn: Dataset, tmp_path: Path) -> None:
    for steps in (1, 3, 4):
        run(drawn, tmp_path, steps=steps)
    assert bits(tmp_path) == bits(trained.folder)


@pytest.mark.parametrize(
    "options",
    [
        {"parsing_twice": False, "share_forward": True, "detach_style": True, "ada_target": 0.0, "mirror": False},
        {"perceptual": "random", "erase": False},
    ],
)
def test_every_option_trains(drawn: Dataset, tmp_path: Path, options: dict[str, Any]) -> None:
    done = run(drawn, tmp_path, steps=2, options=options, precision="bf16")
    assert done.finished
    line = read_log(tmp_path)[-1]
    assert all(np.isfinite(value) for key, value in line.items() if "/" in key), "bfloat16 must not spoil a loss"
    assert ("G/vgg" in line) == (options.get("perceptual") == "random")
    names = {key.split(".")[1] for key in bits(tmp_path)}
    assert names == {"generator", "image", "parsing"}


def test_discriminators_come_in_when_told(drawn: Dataset, tmp_path: Path) -> None:
    run(
        drawn, tmp_path, steps=4, options={"gan_from_kimg": 0.004, "background": "white", "recolour": 0.5, "half": True}
    )
    kinds = {
        value.dtype for value in safetensors.torch.load_file(tmp_path / "weights" / "generator.safetensors").values()
    }
    assert kinds == {torch.float16}
    loaded = PastaGan.load(tmp_path / "weights")
    assert {value.dtype for value in loaded.generator.state_dict().values()} == {torch.float32}
    assert loaded.paste
    assert [("G/gan" in line, "D/loss" in line) for line in read_log(tmp_path)] == [(False, False)] * 2 + [
        (True, True)
    ] * 2


def test_colours_of_squares_count_where_they_are_asked_for(drawn: Dataset, tmp_path: Path) -> None:
    photo = torch.rand(2, 3, 16, 16)
    mixed = photo.reshape(2, 3, 2, 8, 2, 8).flip(3, 5).reshape(2, 3, 16, 16)  # other pixels, the same squares
    assert float(COLOUR(mixed, mixed, photo)) == pytest.approx(0, abs=1e-6)
    assert float(COLOUR(photo + 0.2, photo - 0.4, photo)) == pytest.approx(0.3, abs=1e-6)
    weights = []
    for colour in (0.0, 50.0):
        run(drawn, tmp_path / str(colour), steps=1, options={"colour": colour, "gan_from_kimg": 1})
        assert ("G/colour" in read_log(tmp_path / str(colour))[-1]) == (colour > 0)
        weights.append(bits(tmp_path / str(colour)))
    assert weights[0] != weights[1]


def test_the_first_pictures_are_half_as_large(drawn: Dataset, tmp_path: Path) -> None:
    """They teach the style branch below its highest block, and nothing else."""
    options = {"half_kimg": 0.006, "gan_from_kimg": 0.006, "perceptual": "random"}
    run(drawn, tmp_path, steps=1, options=options)
    first = safetensors.torch.load_file(checkpoints(tmp_path)[-1] / "weights.safetensors")
    run(drawn, tmp_path, steps=3, options=options)
    then = safetensors.torch.load_file(checkpoints(tmp_path)[-1] / "weights.safetensors")
    assert [set(line) & {"half/l1", "half/vgg", "G/l1"} for line in read_log(tmp_path)] == [{"half/l1", "half/vgg"}] * 3
    changed = {key for key in first if key.startswith("module.") and not torch.equal(first[key], then[key])}
    assert changed >= {"module.generator.synthesis.b32.conv1.weight", "module.generator.const_encoding.model.0.weight"}
    still = (
        "module.generator.synthesis.b64.",
        "module.generator.synthesis.texture",
        "module.generator.synthesis.spade",
    )
    assert not [key for key in changed if key.startswith((*still, "module.image", "module.parsing"))]
    run(drawn, tmp_path, options=options)
    assert {"G/l1", "G/gan", "D/loss"} <= set(read_log(tmp_path)[-1])
    made = HalfSize(PastaTask(drawn, GeneratorConfig(**SMALL["generator"]), TrainOptions(perceptual="none")).generator)
    shown = torch.zeros(2, 45, 16, 16), torch.zeros(2, 6, 64, 64), torch.zeros(2, 5, 64, 64)
    assert made(*shown).shape == (2, 3, 32, 32)


def test_the_patch_encoder_is_taught_alone_first(drawn: Dataset, tmp_path: Path) -> None:
    options = {"style_kimg": 0.004, "half_kimg": 0.006, "style_lr": 0.5, "lr": 3e-3}
    run(drawn, tmp_path, steps=1, options=options)
    first = safetensors.torch.load_file(checkpoints(tmp_path)[-1] / "weights.safetensors")
    run(drawn, tmp_path, steps=2, options=options)
    then = safetensors.torch.load_file(checkpoints(tmp_path)[-1] / "weights.safetensors")
    changed = {
        key.split(".")[2] for key in first if key.startswith("module.") and not torch.equal(first[key], then[key])
    }
    assert changed == {"style_encoding", "mapping", "weight", "bias"}  # the last two are what reads from w
    run(drawn, tmp_path, options=options)
    assert [set(line) & {"style/mse", "half/l1", "G/l1"} for line in read_log(tmp_path)] == [
        {"style/mse"},
        {"style/mse"},
        {"half/l1"},
        {"G/l1"},
    ]
    rates = {
        group["lr"]
        for group in PastaTask(drawn, *from_recipe({**SMALL, "pasta-gan++": options | {"perceptual": "none"}}))
        .optimizers["generator"]
        .param_groups
    }
    assert max(rates) == pytest.approx(2 * min(rates))
    run(drawn, tmp_path / "whole", steps=2, options=options)
    run(drawn, tmp_path / "whole", options=options)
    assert bits(tmp_path / "whole") == bits(tmp_path)


def test_noise_that_was_drawn_before_is_the_same(drawn: Dataset) -> None:
    task = PastaTask(drawn, GeneratorConfig(**SMALL["generator"]), TrainOptions(perceptual="none"))
    for name, strength in task.generator.named_parameters():
        if name.endswith("noise_strength"):
            torch.nn.init.constant_(strength, 0.5)
    batch = {name: value[None] for name, value in task.item(0, 5).items()}
    drawn_before = draw_noise(task.generator, [torch.Generator().manual_seed(3)])
    assert len(drawn_before) == 11  # a convolution of the lowest block, two of each other one and of the texture branch
    made = [
        run_generator(task.generator, batch, batch["label"], noise).final
        for noise in (drawn_before, [torch.Generator().manual_seed(3)], "const")
    ]
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_what_is_offered_to_a_compiler_is_one_graph(drawn: Dataset) -> None:
    """Without its code generator, which would take minutes here; a graph in pieces would gain nothing."""
    task = PastaTask(drawn, GeneratorConfig(**SMALL["generator"]), TrainOptions(perceptual="none"))
    batch = {name: torch.stack([value, value]) for name, value in task.item(0, 5).items()}
    noise = draw_noise(task.generator, [torch.Generator().manual_seed(3)] * 2)
    generator, half, reading = (torch.compile(each, backend="eager", fullgraph=True) for each in task.compilable())
    made, wanted = (run_generator(each, batch, batch["label"], noise) for each in (generator, task.generator))
    assert torch.equal(made.final, wanted.final)
    shown = batch["parts"], batch["retain"], batch["pose"], noise
    assert torch.equal(half(*shown), task.compilable()[1](*shown))
    assert torch.equal(reading(batch["parts"])[0], task.compilable()[2](batch["parts"])[0])


def test_a_training_begins_with_given_weights(trained: Trained, drawn: Dataset, tmp_path: Path) -> None:
    run(drawn, tmp_path / "on", steps=1, options={"start": str(trained.weights), "lr": 1e-9})
    weights = {
        place: safetensors.torch.load_file(place / "weights" / "generator.safetensors")["const_encoding.model.0.weight"]
        for place in (trained.folder, tmp_path / "on")
    }
    first, second = weights.values()
    assert torch.allclose(first, second, atol=1e-6)
    changed = {**SMALL, "generator": {**SMALL["generator"], "identity": 4}}
    options = {"pasta-gan++": {"start": str(trained.weights)}}
    with pytest.raises(InputError, match="other sizes"):
        train(drawn, "pasta-gan++", recipe=changed, out=tmp_path / "other", changes=options)
    with pytest.raises(InputError, match="no such weights"):
        run(drawn, tmp_path / "none", options={"start": str(tmp_path / "nowhere")})


def test_a_white_wall_is_asked_for(drawn: Dataset) -> None:
    config, options = from_recipe({**SMALL, "pasta-gan++": {**SMALL["pasta-gan++"], "background": "white"}})
    task = PastaTask(drawn, config, options)
    item, body = task.item(0, 5), on_canvas(task.people[0], config)[0]
    wall = torch.from_numpy(body.labels == CIHP20.ids["background"])
    assert (item["photo"][:, wall] == 1).all()
    there = torch.from_numpy(body.image).permute(2, 0, 1)[:, ~wall].float() / 127.5 - 1
    assert torch.equal(item["photo"][:, ~wall], there)


def test_learning_lowers_the_loss(drawn: Dataset, tmp_path: Path) -> None:
    run(drawn, tmp_path, steps=24, batch=4, options={"lr": 3e-3, "share_forward": True, "parsing_twice": False})
    lines = read_log(tmp_path)
    for name in ("G/l1", "G/parsing"):
        first, last = (np.mean([line[name] for line in part]) for part in (lines[:4], lines[-4:]))
        assert last < 0.9 * first, name


def test_vgg_weights_are_asked_for(drawn: Dataset, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="weights fetch vgg19"):
        run(drawn, tmp_path, options={"perceptual": "vgg19"})


def test_items_depend_on_index_and_seed_only(drawn: Dataset) -> None:
    config, options = from_recipe({name: table for name, table in SMALL.items() if name != "train"})
    task = PastaTask(drawn, config, options)
    assert len(task) == 2 * len(drawn.people)
    first, again, other = task.item(3, 11), task.item(3, 11), task.item(3, 12)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
    assert torch.equal(first["photo"], other["photo"])
    assert (first["photo"].min(), first["label"].max()) == (pytest.approx(first["photo"].min()), first["label"].max())
    mirrored = task.item(3 + len(drawn.people), 11)
    assert torch.equal(mirrored["photo"], first["photo"].flip(2))
    for value in (first["parts"], first["retain"], first["pose"], first["upper"], first["lower"]):
        assert float(value.min()) >= -1
        assert float(value.max()) <= 1


def test_a_mirrored_body_changes_sides(drawn: Dataset) -> None:
    config = GeneratorConfig(height=256, width=192)
    person = next(iter(drawn.people.values()))
    plain, other = (on_canvas(person.fresh(), config, mirrored=mirrored)[0] for mirrored in (False, True))
    twin = plain.labels[:, ::-1].copy()
    for part in ("arm", "leg", "shoe"):
        left, right = CIHP20.ids[f"left-{part}"], CIHP20.ids[f"right-{part}"]
        twin[[plain.labels[:, ::-1] == left][0]] = right
        twin[[plain.labels[:, ::-1] == right][0]] = left
    assert (other.labels == twin).all()
    seen = plain.keypoints[:, 2] > 0
    assert other.keypoints[0, 0] == pytest.approx(191 - plain.keypoints[0, 0])
    assert seen.sum() == (other.keypoints[:, 2] > 0).sum()
    # the wearer's left shoulder is on the picture's right, before and after
    assert other.keypoints[5, 0] > other.keypoints[2, 0]
    assert plain.keypoints[5, 0] > plain.keypoints[2, 0]


def test_nothing_is_erased_when_told_so(drawn: Dataset) -> None:
    config = GeneratorConfig(height=128, width=96)
    body, _ = on_canvas(next(iter(drawn.people.values())).fresh(), config)
    erased = np.ones((128, 96), dtype=bool)
    plain = prepare_training(body, config, Random(1), erased, erase=False)
    assert (plain.inputs.upper.mask > 0).any()
    hidden = [prepare_training(body, config, Random(seed), erased).inputs.upper.mask.any() for seed in range(40)]
    assert 0 < sum(hidden) < 20  # pixels are taken nine times of ten


def test_free_form_masks_vary_in_size_and_shape() -> None:
    shares = [free_form(256, 160, np.random.default_rng(seed)).mean() for seed in range(60)]
    assert 0.02 < np.median(shares) < 0.4
    assert max(shares) < 0.8
    assert np.std(shares) > 0.03


def test_photos_that_cannot_be_learned_from_are_named(drawn: Dataset, tmp_path: Path) -> None:
    people = dict(drawn.people)
    first, second, third = list(people)[:3]
    people[first] = replace(people[first].fresh(), given={"pose": Pose(np.zeros((18, 3), np.float32))})
    size = people[second].image().shape[:2]
    people[second] = replace(people[second].fresh(), given={"parse": Parse(np.zeros(size, np.uint8), CIHP20)})
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    people[third] = replace(people[third].fresh(), files={**people[third].files, "image": broken})
    done = run(replace(drawn, people=people), tmp_path / "out", steps=1)
    assert len(done.refused) == 3
    assert "nobody in the pose" in done.refused[0]
    assert "no garment in the parse" in done.refused[1]
    assert all("\n" not in line for line in done.refused)
    nobody = replace(drawn, people={first: people[first]})
    with pytest.raises(InputError, match="nobody in drawn-mini can be trained on .*nobody in the pose"):
        run(nobody, tmp_path / "none", steps=1)


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ({"generator": {"heigth": 64}}, "generator has no setting heigth"),
        ({"generator": {"height": 70}}, "multiples of 32"),
        ({"generator": {"height": "64"}}, "generator.height is '64'"),
        ({"generator": {"height": 64, "width": 64, "frame": 65}}, "a photo 65 pixels wide"),
        ({"pasta-gan++": {"lr": 0}}, "lr is 0"),
        ({"pasta-gan++": {"mirror": 1}}, "mirror is 1"),
        ({"pasta-gan++": {"perceptual": "vgg"}}, "perceptual is 'vgg'"),
        ({"pasta-gan++": {"r1_every": 0}}, "r1_every is 0"),
        ({"ladi": {}}, "no recipe table ladi"),
        ({"train": {"steps": -1}}, "train.steps is -1"),
    ],
)
def test_recipes_that_make_no_sense(
    drawn: Dataset, tmp_path: Path, tables: dict[str, dict[str, Any]], named: str
) -> None:
    with pytest.raises(InputError, match=named):
        train(drawn, "pasta-gan++", recipe=tables, out=tmp_path)


def test_recipe_files(tmp_path: Path, drawn: Dataset) -> None:
    tables = read_recipe(RECIPES / "pasta-gan++-mini.toml")
    config, options = from_recipe({name: table for name, table in tables.items() if name != "train"})
    assert (config.height, config.width) == (256, 192)
    assert options.perceptual == "small"
    assert tomllib.loads((RECIPES / "pasta-gan++-mini.toml").read_text()) == tables
    assert from_recipe({}) == (PUBLISHED, TrainOptions())
    (tmp_path / "bad.toml").write_text("a = [")
    (tmp_path / "outside.toml").write_text("steps = 3\n")
    for name, named in (("bad", "not a recipe"), ("outside", "outside of a table"), ("none", "no such recipe")):
        with pytest.raises(InputError, match=named):
            read_recipe(tmp_path / f"{name}.toml")
    with pytest.raises(InputError, match="baseline is not trained"):
        train(drawn, "baseline", out=tmp_path)


def test_adam_s_rates_are_the_published_ones() -> None:
    parameter = [torch.nn.Parameter(torch.zeros(1))]
    for interval, lr, beta2 in ((4, 4e-4, 0.99199), (16, 4.70588e-4, 0.99059)):
        group = adam(parameter, 5e-4, interval).param_groups[0]
        assert group["lr"] == pytest.approx(lr, rel=1e-5)
        assert group["betas"] == (0.0, pytest.approx(beta2, abs=1e-5))
        assert group["eps"] == 1e-8


def test_every_loss_has_a_weight_and_a_source() -> None:
    weights = {loss.name: loss.weight for loss in LOSSES}
    assert weights["l1"] == 10
    assert weights["vgg"] == 20
    assert weights["parsing"] == 30
    assert all(loss.source for loss in LOSSES)
