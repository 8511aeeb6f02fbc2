"""PASTA-GAN++ against recorded outputs of the published system on weights that a rule fills.

Every seed, size and setting comes from the manifests in ``$FITTINGROOM_PARITY/pasta_gan_pp``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from fittingroom.core.memory import reuse_freed_memory
from fittingroom.methods.pasta_gan_pp.config import PUBLISHED
from fittingroom.methods.pasta_gan_pp.discriminator import Discriminator
from fittingroom.methods.pasta_gan_pp.fast import FastGenerator
from fittingroom.methods.pasta_gan_pp.losses import (
    CLASS_WEIGHTS,
    GENERATOR_LOSSES,
    R1_GAMMA,
    feature_distance,
    fooling,
    gan_discriminator,
    parsing_cross_entropy,
    telling_fake,
    telling_real,
)
from fittingroom.methods.pasta_gan_pp.network import Generated, Generator, Warped
from fittingroom.methods.pasta_gan_pp.phases import (
    Truth,
    discriminator_phase,
    generator_terms,
    one_hot,
    parsing_phase,
    penalty_phase,
    total,
)
from fittingroom.nn.vgg import Vgg19Features, load_features

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("FITTINGROOM_PARITY", ROOT.parent / "shared" / "parity")) / "pasta_gan_pp"

if not FOLDER.is_dir():
    if os.environ.get("FITTINGROOM_REQUIRE_DATA") == "1":
        raise FileNotFoundError(f"no recorded outputs in {FOLDER} (set FITTINGROOM_PARITY)")
    pytest.skip(f"no recorded outputs in {FOLDER} (set FITTINGROOM_PARITY)", allow_module_level=True)


reuse_freed_memory()  # a third of the time of a forward pass at full size


def _module(name: str) -> ModuleType:
    """A module of the fixtures' own folder; it imports its neighbours by their plain names."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def inputs() -> Iterator[ModuleType]:
    """The rule by which the fixtures' inputs are made."""
    _module("weights_rule")
    yield _module("fixture_inputs")
    for name in ("weights_rule", "fixture_inputs"):
        sys.modules.pop(name, None)


def _filled(module: torch.nn.Module, component: str, rule: ModuleType, seed: str) -> torch.nn.Module:
    state = module.state_dict()
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    arrays = rule.fill(shapes, seed, **rule.load_rule(FOLDER / "weights_rule.json", component))
    kept = set(state) - set(arrays)
    assert all(key.endswith("resample_filter") for key in kept)
    module.load_state_dict(state | {key: torch.from_numpy(array) for key, array in arrays.items()})
    return module.eval()


def _json(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


RUNS = list(_json("generator_taps.json"))


@pytest.fixture(scope="module")
def generator(inputs: ModuleType) -> Generator:
    seed = _json("weights_rule.json")["seeds"]["generator"]
    module = _filled(Generator(), "generator", sys.modules["weights_rule"], seed)
    assert isinstance(module, Generator)
    return module


def _given(inputs: ModuleType, run: dict[str, Any]) -> dict[str, torch.Tensor]:
    name: str = run["input"]
    if name == "random":
        arrays = inputs.generator_random(inputs.seed_of("random_generator_input"))
    else:
        mode, number = name.rsplit("_", 1)
        arrays = inputs.generator_from_preproc(f"pair_{number}", mode)
    return {key: torch.from_numpy(np.ascontiguousarray(array)) for key, array in arrays.items()}


def _label(stored: dict[str, np.ndarray], run: dict[str, Any]) -> np.ndarray:
    """The label map that steered the recorded texture branch."""
    return stored["gt_label" if run["parsing"] == "gt" else "pred_label"]


Tap = Callable[[str, torch.Tensor], None]


def _listen(generator: Generator, tap: Tap) -> Callable[[], None]:
    """Report what every named part returns; the result undoes it."""
    handles = []
    wrapped: list[tuple[torch.nn.Module, str]] = []

    def wrap(module: torch.nn.Module, method: str, name: str) -> None:
        inner = getattr(module, method)

        def outer(*args: Any, **kwargs: Any) -> Any:
            result = inner(*args, **kwargs)
            tap(name, result)
            return result

        setattr(module, method, outer)
        wrapped.append((module, method))

    for name, module in generator.named_modules():
        if name in ("", "synthesis") or name.endswith(".torgb"):
            continue
        handles.append(module.register_forward_hook(lambda _m, _a, out, name=name: tap(name, out)))
    blocks = {f"b{height}": getattr(generator.synthesis, f"b{height}") for height in generator.config.heights}
    for name, block in {**blocks, "texture_b512": generator.synthesis.texture_b512}.items():
        wrap(block, "features", f"synthesis.{name}.x")
        wrap(block, "picture", f"synthesis.{name}.img")
        handles.append(
            block.torgb.register_forward_hook(lambda _m, _a, out, name=name: tap(f"synthesis.{name}.torgb.rgb", out))
        )
    top = f"b{generator.config.heights[-1]}"
    wrap(blocks[top].torgb, "parsing", f"synthesis.{top}.torgb.parsing")

    def undo() -> None:
        for handle in handles:
            handle.remove()
        for module, method in wrapped:
            delattr(module, method)

    return undo


def _worst(a: np.ndarray, b: np.ndarray, std: float) -> float:
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max() / max(std, 1e-12))


#: largest error relative to the reference tensor's standard deviation, from the fixtures' README
_TEXTURE = ("finetune_img", "synthesis.texture_b512", "synthesis.spade")


def _tolerance(name: str) -> float:
    return 5e-4 if name.startswith(_TEXTURE) else 1e-4


def _compare(name: str, value: torch.Tensor, tap: dict[str, Any]) -> str | None:
    if list(value.shape) != tap["shape"]:
        return f"{name}: shape {tuple(value.shape)}, not {tap['shape']}"
    # in one pass: maps of sixteen million numbers widened to float64 would take longer than the network
    measured, mean = (float(each) for each in torch.std_mean(value.detach(), correction=0))
    flat = value.detach().numpy().ravel()
    std = tap["std"] if tap["std"] > 0 else max(abs(tap["mean"]), 1.0)
    errors = {
        "mean": abs(mean - tap["mean"]) / std,
        "std": abs(measured - tap["std"]) / std,
        "first": _worst(flat[:64], np.asarray(tap["first64"]), std),
    }
    if "stride" in tap:
        errors["strided"] = _worst(flat[:: tap["stride"]][:64], np.asarray(tap["strided64"]), std)
    if max(errors.values()) > _tolerance(name):
        return f"{name}: {errors}"
    return None


@pytest.mark.parametrize("name", RUNS)
def test_generator(name: str, generator: Generator, inputs: ModuleType) -> None:
    run = _json("generator_taps.json")[name]
    with np.load(FOLDER / f"generator_{name}.npz") as file:
        stored = {key: file[key] for key in file.files}
    given = _given(inputs, run)
    # the argmax is discontinuous: the final picture is compared with the recorded label map fed as given
    label = torch.from_numpy(_label(stored, run).astype(np.float32))
    found: dict[str, str | None] = {}
    calls: list[str] = []
    identity: dict[int, torch.Tensor] = {}
    taps = run["taps"]

    def tap(key: str, value: torch.Tensor) -> None:
        if key == "synthesis.spade_encoder":
            calls.append(key)
            key = f"{key}.{('upper_call', 'lower_call')[len(calls) - 1]}"
        if key.startswith("style_encoding.feat_enc."):
            identity[value.shape[2]] = value
        if key in taps:
            found[key] = _compare(key, value, taps[key])

    undo = _listen(generator, tap)
    try:
        with torch.inference_mode():
            out = generator(
                given["parts"],
                given["retain"],
                given["pose"],
                Warped(given["denorm_upper"], given["denorm_upper_mask"]),
                Warped(given["denorm_lower"], given["denorm_lower_mask"]),
                label=label[None, None],
                noise=run["noise_mode"],
            )
    finally:
        undo()
    assert [message for message in found.values() if message] == []
    # what is no module's return value is compared in full below
    rest = {"style", "ws", "pose_feat", "img", "finetune_img", "pred_parsing", *(f"cat_{h}" for h in identity)}
    top = f"synthesis.b{generator.config.heights[-1]}.parsing"
    assert set(taps) - set(found) <= rest | {top}
    _outputs(out, generator, stored)
    for height, maps in identity.items():
        if f"cat_{height}_mean_std" not in stored:  # left out of the random case; its taps are compared above
            continue
        array = maps[0].numpy()
        each = stored[f"cat_{height}_mean_std"]
        step = height // stored[f"cat_{height}_sub16"].shape[1]
        assert _worst(array[:, ::step, ::step], stored[f"cat_{height}_sub16"], array.std()) < 1e-4
        assert _worst(array.mean(axis=(1, 2)), each[:, 0], array.std()) < 1e-4
        assert _worst(array.std(axis=(1, 2)), each[:, 1], array.std()) < 1e-4


def _inside(array: np.ndarray, stride: int, start: int = 0) -> np.ndarray:
    """Columns of the photo, of every ``stride``-th column from ``start`` on."""
    columns = start + stride * np.arange(array.shape[-1])
    return array[..., (columns >= PUBLISHED.left) & (columns < PUBLISHED.left + PUBLISHED.photo[1])]


def _of_photos() -> list[str]:
    """Recorded runs on a real pair: one whose label map was given, one whose label map was predicted."""
    taps, chosen = _json("generator_taps.json"), {}
    for name in RUNS:
        if taps[name]["input"] != "random":
            chosen.setdefault(taps[name]["parsing"], name)
    return list(chosen.values())


@pytest.fixture
def quick_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the processor has no kernels for bfloat16, what they compute (sums in float32, rounded once), in seconds."""
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return

    def through_float32(plain: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        def convolution(x: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
            wide = [each.float() if isinstance(each, torch.Tensor) else each for each in (x, *args)]
            return plain(*wide, **options).to(x.dtype)

        return convolution

    for name in ("conv2d", "conv_transpose2d"):
        monkeypatch.setattr(F, name, through_float32(getattr(F, name)))


@pytest.mark.parametrize("name", _of_photos())
def test_the_fast_generator_inside_the_photo(
    name: str, generator: Generator, inputs: ModuleType, quick_bfloat16: None
) -> None:
    run = _json("generator_taps.json")[name]
    with np.load(FOLDER / f"generator_{name}.npz") as file:
        stored = {key: file[key] for key in file.files}
    given = _given(inputs, run)
    label = torch.from_numpy(_label(stored, run).astype(np.float32))[None, None]
    garments = [Warped(given[f"denorm_{part}"], given[f"denorm_{part}_mask"]) for part in ("upper", "lower")]

    def picture(dtype: torch.dtype) -> np.ndarray:
        fast = FastGenerator(generator, dtype)
        code = fast.garments(given["parts"])
        made, _ = fast(code, given["retain"], given["pose"], *garments, label, run["noise_mode"])
        return made[0].numpy()

    exact = picture(torch.float32)
    top, left = stored["crop_corner_yx"].tolist()
    std = float(stored["finetune_img_sub4"].std())
    assert _worst(_inside(exact[:, ::4, ::4], 4), _inside(stored["finetune_img_sub4"], 4), std) < 1e-3
    side = stored["finetune_img_crop"].shape[-1]
    crop = exact[:, top : top + side, left : left + side]
    assert _worst(_inside(crop, 1, left), _inside(stored["finetune_img_crop"], 1, left), std) < 1e-3
    if (
        run["parsing"] == "gt"
    ):  # a map that random weights predict is speckled, and every speckle has a border to round at
        grey = [_inside(np.clip((made + 1) * 127.5, 0, 255), 1) for made in (exact, picture(torch.bfloat16))]
        assert np.abs(grey[0] - grey[1]).mean() < 1


def _outputs(out: Generated, generator: Generator, stored: dict[str, np.ndarray]) -> None:
    assert _worst(out.style.numpy(), stored["style"], stored["style"].std()) < 1e-4
    with torch.inference_mode():
        assert _worst(generator.mapping(out.style).numpy(), stored["ws_row"], stored["ws_row"].std()) < 1e-4
    y, x = stored["crop_corner_yx"]
    for key, value in (("img", out.coarse), ("finetune_img", out.final), ("pred_parsing", out.logits)):
        array = value[0].numpy()
        side = stored[f"{key}_crop"].shape[1]
        step = array.shape[1] // stored[f"{key}_sub4"].shape[1]
        std = array.std()
        assert _worst(array[:, ::step, ::step], stored[f"{key}_sub4"], std) < _tolerance(key), key
        assert _worst(array[:, y : y + side, x : x + side], stored[f"{key}_crop"], std) < _tolerance(key), key
        moments = np.stack(
            [array.mean(axis=(1, 2)), array.std(axis=(1, 2)), array.min(axis=(1, 2)), array.max(axis=(1, 2))], 1
        )
        assert _worst(moments, stored[f"{key}_mean_std_min_max"], std) < _tolerance(key), key
    two = out.logits[0].topk(2, dim=0).values
    differs = out.logits[0].argmax(dim=0).numpy() != stored["pred_label"]
    assert differs.sum() <= 20
    assert not differs.any() or float((two[0] - two[1]).numpy()[differs].max()) < 1e-4


@pytest.fixture(scope="module")
def discriminators(inputs: ModuleType) -> dict[str, Discriminator]:
    seeds, rule = _json("weights_rule.json")["seeds"], sys.modules["weights_rule"]
    built = {}
    for name, channels, component in (("D", 6, "discriminator"), ("D_parsing", 10, "discriminator_parsing")):
        module = _filled(Discriminator(channels), component, rule, seeds[component])
        assert isinstance(module, Discriminator)
        built[name] = module
    return built


JUDGED = [name for name, case in _json("discriminators.json").items() if "D_logits" in case]
EPILOGUES = [name for name in _json("discriminators.json") if name.startswith("epilogue")]


@pytest.mark.parametrize("name", ["D", "D_parsing"])
@pytest.mark.parametrize("case", JUDGED)
def test_discriminators(case: str, name: str, discriminators: dict[str, Discriminator], inputs: ModuleType) -> None:
    recorded = _json("discriminators.json")[case]
    seed = inputs.seed_of("disc_inputs")
    count = len(np.ravel(recorded["D_logits"]))
    arrays = inputs.discriminator_real(seed) if case.startswith("real") else inputs.discriminator_rule(count, seed)
    given = {key: torch.from_numpy(np.ascontiguousarray(array)) for key, array in arrays.items()}
    found: dict[str, str | None] = {}
    module = discriminators[name]

    def tap(key: str, value: torch.Tensor) -> None:
        if key in recorded["taps"]:
            found[key] = _compare(key, value, recorded["taps"][key])

    handles = [
        part.register_forward_hook(lambda _m, _a, out, key=f"{name}.{key}": tap(key, out))
        for key, part in module.named_modules()
        if key
    ]
    picture = given["img" if name == "D" else "parsing"]
    wants_gradient = f"{name}_r1" in recorded
    picture.requires_grad_(wants_gradient)
    try:
        with torch.set_grad_enabled(wants_gradient):
            logits = module(torch.cat([picture, given["skel"]], dim=1), given["c"])
    finally:
        for handle in handles:
            handle.remove()
    assert [message for message in found.values() if message] == []
    assert {key for key in recorded["taps"] if key.startswith(f"{name}.")} <= set(found)
    np.testing.assert_allclose(logits.detach().numpy().ravel(), recorded[f"{name}_logits"], atol=1e-4)
    if wants_gradient:
        (gradient,) = torch.autograd.grad(logits.sum(), picture)
        expected = recorded[f"{name}_r1"]["gradient_sq_norm_per_sample"]
        np.testing.assert_allclose(gradient.square().sum(dim=(1, 2, 3)).numpy(), expected, rtol=1e-3)
        with np.load(FOLDER / "discriminators.npz") as file:
            sub, crop = file[f"{name}_r1_grad_sub16"], file[f"{name}_r1_grad_crop"]
        array = gradient.numpy()
        step = array.shape[2] // sub.shape[2]
        corner = array.shape[2] // 2 - crop.shape[2] // 2
        window = slice(corner, corner + crop.shape[2])
        _same_gradient(array[:, :, ::step, ::step], sub)
        _same_gradient(array[:, :, window, window], crop)


def _same_gradient(mine: np.ndarray, theirs: np.ndarray) -> None:
    """Gradients through rectifiers jump where an input is zero.

    One of millions that falls to the other side of it, as happens on another processor or with another number of threads, moves
    the gradient a little in the whole field that it sees.
    """
    assert np.linalg.norm(mine - theirs) / np.linalg.norm(theirs) < 1e-2
    assert np.median(np.abs(mine - theirs)) / theirs.std() < 3e-4


@pytest.mark.parametrize("case", EPILOGUES)
def test_minibatch_deviation_and_mapping(
    case: str, discriminators: dict[str, Discriminator], inputs: ModuleType
) -> None:
    recorded = _json("discriminators.json")[case]
    seed = inputs.seed_of("disc_inputs")
    given = {key: torch.from_numpy(array) for key, array in inputs.epilogue(seed).items()}
    module = discriminators["D"]
    with torch.inference_mode():
        plane = module.b4.mbstd(given["x"])[:, -1, 0, 0]
        logits = module.b4(given["x"], given["cmap"])
        mapped = {
            name: each.mapping(torch.from_numpy(inputs.discriminator_code(1, seed)))
            for name, each in discriminators.items()
        }
    np.testing.assert_allclose(plane.numpy(), np.ravel(recorded["mbstd_channel_value_per_sample"]), rtol=1e-4)
    np.testing.assert_allclose(logits.numpy().ravel(), np.ravel(recorded["logits"]), atol=1e-4)
    with np.load(FOLDER / "discriminators.npz") as file:
        for name, value in mapped.items():
            expected = file[f"{name}_mapping_of_c1"]
            assert _worst(value.numpy(), expected, expected.std()) < 1e-4


@pytest.fixture(scope="module")
def loss_case(inputs: ModuleType) -> dict[str, Any]:
    """Fixed tensors and stub networks on which the recorded losses were computed."""
    given = {k: torch.from_numpy(v) for k, v in inputs.loss_inputs(inputs.seed_of("loss_inputs")).items()}
    vgg = _filled(
        _Named(Vgg19Features()), "vgg19_features", sys.modules["weights_rule"], inputs.seed_of("vgg19_features")
    )
    assert isinstance(vgg, _Named)

    def judge(kernel: torch.Tensor) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        def stub(picture: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
            return ((torch.sin(picture) * kernel).sum(dim=(1, 2, 3)) + (code * given["k_c"]).sum(dim=1))[:, None]

        return stub

    made = Generated(
        given["gen_img"], given["gen_finetune_img"], given["pred_parsing"], given["gt_parsing"], given["c"]
    )
    truth = Truth(given["real_img"], given["gt_parsing"], given["pose"][:, :3])
    return {
        "given": given,
        "made": made,
        "truth": truth,
        "judge": judge(given["K_img"]),
        "judge_parsing": judge(given["K_parsing"]),
        "vgg": vgg.inner,
        "recorded": _json("losses.json"),
    }


class _Named(torch.nn.Module):
    """Gives the trunk the key names of torchvision's file."""

    def __init__(self, inner: Vgg19Features) -> None:
        super().__init__()
        self.inner = inner

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, torch.Tensor]:
        return dict(self.inner.state_dict())

    def load_state_dict(self, state: Any, *args: Any, **kwargs: Any) -> Any:
        load_features(self.inner, state)


def _near(value: torch.Tensor | float, expected: Any, rtol: float = 1e-5) -> None:
    np.testing.assert_allclose(
        np.ravel(torch.as_tensor(value).detach().numpy()), np.ravel(expected), rtol=rtol, atol=1e-7
    )


def test_generator_losses(loss_case: dict[str, Any]) -> None:
    made, truth = loss_case["made"], loss_case["truth"]
    leaves = {name: getattr(made, name).clone().requires_grad_(True) for name in ("coarse", "final", "logits")}
    made = Generated(**leaves, label=made.label, style=made.style)
    terms = generator_terms(made, truth, (loss_case["judge"], loss_case["judge_parsing"]), loss_case["vgg"])
    recorded = loss_case["recorded"]["phases"]["Gmain"]
    weights = {loss.name: loss.weight for loss in GENERATOR_LOSSES}
    assert weights["l1"] == loss_case["recorded"]["weights"]["l1"]
    assert weights["vgg"] == loss_case["recorded"]["weights"]["vgg"]
    assert weights["parsing"] == loss_case["recorded"]["weights"]["parsing_ce"]
    assert list(CLASS_WEIGHTS) == loss_case["recorded"]["weights"]["ce_class_weights"]
    _near(terms["gan"], (np.mean(recorded["Loss/G/loss"]) + np.mean(recorded["Loss/G/loss_finetune"])) / 2)
    _near(terms["gan_parsing"], np.mean(recorded["Loss/G/loss_parsing"]))
    _near(terms["l1"] * 10, (recorded["Loss/G/L1"][0] + recorded["Loss/G/L1_finetune"][0]) / 2)
    _near(terms["vgg"] * 20, (recorded["Loss/G/vgg"][0] + recorded["Loss/G/vgg_finetune"][0]) / 2)
    _near(terms["parsing"] * 30, recorded["Loss/G/mask_loss"])
    whole = total(terms)
    _near(whole, recorded["TOTAL"])
    whole.backward()
    with np.load(FOLDER / "losses.npz") as file:
        for name, key in (("coarse", "gen_img"), ("final", "gen_finetune_img"), ("logits", "pred_parsing")):
            gradient = leaves[name].grad
            assert gradient is not None
            _same_gradient(gradient.numpy(), file[f"Gmain_grad_{key}"])


def test_discriminator_losses(loss_case: dict[str, Any]) -> None:
    recorded, made, truth = loss_case["recorded"]["phases"], loss_case["made"], loss_case["truth"]
    leaves = {name: getattr(made, name).clone().requires_grad_(True) for name in ("coarse", "final", "logits")}
    made = Generated(**leaves, label=made.label, style=made.style)
    image = discriminator_phase(made, truth, loss_case["judge"])
    parsing = parsing_phase(made, truth, loss_case["judge_parsing"])
    _near(image.real, recorded["Dmain"]["Loss/scores/real"])
    _near(parsing.real, recorded["D_parsingmain"]["Loss/scores/real_parsing"])
    _near(parsing.loss, np.mean(recorded["D_parsingmain"]["Loss/D_parsing/loss"]))
    coarse, final, real = (
        torch.tensor(recorded["Dmain"][f"Loss/scores/{kind}"]) for kind in ("fake", "fake_finetune", "real")
    )
    _near(image.loss, gan_discriminator(coarse, final, real))
    # the value that was reported counts the final picture only
    _near((telling_fake(final) + telling_real(real)), np.mean(recorded["Dmain"]["Loss/D/loss"]))
    (image.loss + parsing.loss).backward()
    with np.load(FOLDER / "losses.npz") as file:
        for name, key in (
            ("coarse", "Dmain_grad_gen_img"),
            ("final", "Dmain_grad_gen_finetune_img"),
            ("logits", "D_parsingmain_grad_pred_parsing"),
        ):
            gradient = leaves[name].grad
            assert gradient is not None
            assert _worst(gradient.numpy(), file[key], file[key].std()) < 1e-4


def test_gradient_penalties(loss_case: dict[str, Any]) -> None:
    recorded, truth, style = loss_case["recorded"]["phases"], loss_case["truth"], loss_case["made"].style
    gamma = loss_case["recorded"]["weights"]["r1_gamma"]
    assert gamma == R1_GAMMA
    for phase, key, picture, judge in (
        ("Dreg", "Loss/r1_penalty", truth.photo, loss_case["judge"]),
        ("D_parsingreg", "Loss/DP_r1_penalty", one_hot(truth.label), loss_case["judge_parsing"]),
    ):
        value = gamma * penalty_phase(picture, truth, style, judge)
        _near(value, np.mean(recorded[phase]["Loss/D/reg"]))
        _near(value, gamma / 2 * np.mean(recorded[phase][key]))


def test_single_losses(loss_case: dict[str, Any]) -> None:
    recorded, given = loss_case["recorded"], loss_case["given"]
    taps, target = loss_case["vgg"](given["gen_img"]), loss_case["vgg"](given["real_img"])
    for tap, real, stored, distance in zip(
        taps, target, recorded["vgg"]["features_of_gen_img"], recorded["vgg"]["layer_l1"], strict=True
    ):
        assert list(tap.shape) == stored["shape"]
        assert _worst(tap.numpy().ravel()[:64], np.asarray(stored["first64"]), stored["std"]) < 1e-4
        _near((tap - real).abs().mean(), distance)
    _near(feature_distance(taps, target), recorded["vgg"]["value_unweighted"])
    _near((given["gen_img"] - given["real_img"]).abs().mean(), recorded["l1_plain"])
    _near(parsing_cross_entropy(given["pred_parsing"], given["gt_parsing"]), recorded["ce_plain"])
    ignored = given["gt_parsing"].clone()
    rows, columns = (
        slice(*map(int, part.split(":")))
        for part in recorded["ce_with_ignored_pixels"]["ignored"].split("[")[1].split("]")[0].split(", ")[2:]
    )
    ignored[:, :, rows, columns] = recorded["weights"]["ignore_index"]
    _near(parsing_cross_entropy(given["pred_parsing"], ignored), recorded["ce_with_ignored_pixels"]["value"])
    soft = recorded["softplus"]
    for logit, minus, plus in zip(soft["logits"], soft["softplus_of_minus"], soft["softplus_of_plus"], strict=True):
        _near(fooling(torch.tensor(logit)), minus)
        _near(telling_fake(torch.tensor(logit)), plus)
