"""Every metric by name: what it is, what it needs, and which ones a word like ``default`` means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from ..core.errors import InputError
from ..nn.small_network import trained
from ..weights.fetch import find, require
from .trunks import TRUNKS
from .values import MetricInfo

ALIASES = {
    "fid": "fid-clean",
    "kid": "kid-clean",
    "fid-inf": "fid-inf-clean",
    "lpips": "lpips-alex",
    "psnr-preserved": "psnr-outside",
}
_UNTRAINED = {
    "en": " Through the embedded network with random weights: not comparable with published values.",
    "ru": " Через встроенную сеть со случайными весами: с опубликованными значениями не сравнивать.",
}
_SMALL = {
    "en": " Through the small embedded network: not comparable with published values.",
    "ru": " Через малую встроенную сеть: с опубликованными значениями не сравнивать.",
}
_SETS = {
    "clean": (
        "clean",
        {"en": " Inception features, clean-fid's resize.", "ru": " Признаки Inception, масштабирование clean-fid."},
    ),
    "tf1": (
        "TF1",
        {
            "en": " Inception features, TensorFlow 1's resize (torch-fidelity).",
            "ru": " Признаки Inception, масштабирование TensorFlow 1 (torch-fidelity).",
        },
    ),
    "mini": ("mini", _SMALL),
    "random": ("random", _UNTRAINED),
}
#: backbones of our own: nothing that looks through them is called FID or compared with published values
OWN = ("mini", "random")


def _joined(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    return {language: first[language] + second[language] for language in first}


def _set_metrics() -> list[MetricInfo]:
    found = []
    for key, (suffix, text) in _SETS.items():
        frechet, kernel = ("FD", "KD") if key in OWN else ("FID", "KID")
        fd, kd = ("fd", "kd") if key in OWN else ("fid", "kid")
        distance = {
            "en": "Fréchet distance between Gaussians fitted to the features of the results and of the real photos.",
            "ru": "Расстояние Фреше между гауссовыми приближениями признаков результатов и настоящих фотографий.",
        }
        discrepancy = {
            "en": "Unbiased squared maximum mean discrepancy with a cubic kernel, times 1000.",
            "ru": "Несмещённый квадрат максимального расхождения средних с кубическим ядром, умноженный на 1000.",
        }
        infinite = {
            "en": "The Fréchet distance extrapolated to infinitely many results.",
            "ru": "Расстояние Фреше, экстраполированное на бесконечное число результатов.",
        }
        found.append(
            MetricInfo(
                f"{fd}-{key}", f"{frechet} ({suffix})", "lower", "set", ("reference",), "", _joined(distance, text)
            )
        )
        found.append(
            MetricInfo(
                f"{kd}-{key}",
                f"{kernel}×1000 ({suffix})",
                "lower",
                "set",
                ("reference",),
                "",
                _joined(discrepancy, text),
            )
        )
        found.append(
            MetricInfo(
                f"{fd}-inf-{key}", f"{frechet}∞ ({suffix})", "lower", "set", ("reference",), "", _joined(infinite, text)
            )
        )
    return found


def _lpips_metrics() -> list[MetricInfo]:
    found = []
    for name in (*TRUNKS, *OWN):
        tail = _SETS[name][1] if name in OWN else {"en": "", "ru": ""}
        whole = {
            "en": "Learned perceptual distance to the true photo (LPIPS 0.1).",
            "ru": "Обученное перцептивное расстояние до истинной фотографии (LPIPS 0.1).",
        }
        if name in OWN:
            whole = {
                "en": "Perceptual distance to the true photo, by LPIPS's formula.",
                "ru": "Перцептивное расстояние до истинной фотографии по формуле LPIPS.",
            }
        region = {"en": " Inside the garment's region only.", "ru": " Только внутри области одежды."}
        found.append(
            MetricInfo(f"lpips-{name}", f"LPIPS ({name})", "lower", "image", ("truth",), "", _joined(whole, tail))
        )
        found.append(
            MetricInfo(
                f"lpips-{name}-region",
                f"LPIPS ({name}), garment",
                "lower",
                "image",
                ("truth", "context"),
                "",
                _joined(_joined(whole, region), tail),
            )
        )
    return found


_PLAIN = [
    MetricInfo("ssim", "SSIM", "higher", "image", ("truth",), "", {
        "en": "Structural similarity to the true photo; rewards blur.", "ru": "Структурное сходство с истинной фотографией; размытие завышает его."}),
    MetricInfo("ms-ssim", "MS-SSIM", "higher", "image", ("truth",), "", {
        "en": "Structural similarity at five scales.", "ru": "Структурное сходство в пяти масштабах."}),
    MetricInfo("psnr", "PSNR", "higher", "image", ("truth",), "dB", {
        "en": "Peak signal-to-noise ratio to the true photo.", "ru": "Пиковое отношение сигнала к шуму относительно истинной фотографии."}),
    MetricInfo("psnr-outside", "PSNR outside", "higher", "image", ("context",), "dB", {
        "en": "How well everything is kept that this garment must not change: PSNR against the person's own photo there; 100 dB = untouched.",
        "ru": "Насколько сохранено то, чего эта одежда менять не должна: PSNR относительно исходной фотографии; 100 дБ — не тронуто."}),
    MetricInfo("de2000-outside", "ΔE outside", "lower", "image", ("context",), "ΔE₀₀", {
        "en": "Mean colour difference (CIEDE2000) outside the region that this garment may change.",
        "ru": "Среднее цветовое различие (CIEDE2000) вне области, которую эта одежда может менять."}),
    MetricInfo("garment-de2000", "Garment ΔE", "lower", "image", ("context",), "ΔE₀₀", {
        "en": "Distance between the colours of the garment's photo and those where it should be seen; light and folds count, too.",
        "ru": "Расстояние между цветами одежды на её фотографии и там, где она должна быть видна; свет и складки тоже учитываются."}),
    MetricInfo("garment-de2000-truth", "Garment ΔE to the truth", "lower", "image", ("truth", "context"), "ΔE₀₀", {
        "en": "Mean colour difference (CIEDE2000) to the true photo, pixel by pixel, where a garment of the category is worn.",
        "ru": "Среднее цветовое различие (CIEDE2000) с истинной фотографией, пиксель за пикселем, там, где носят такую одежду."}),
]  # fmt: skip


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, MetricInfo]:
    """Name -> metric, in the order of reports."""
    return {info.name: info for info in (*_set_metrics(), *_lpips_metrics(), *_PLAIN)}


def metric_info(name: str) -> MetricInfo:
    """The metric called ``name`` (or its alias).

    Raises:
        InputError: no such metric; the message lists those there are.
    """
    found = catalogue().get(ALIASES.get(name, name))
    if found is None:
        raise InputError(
            f"no metric named {name!r}", mend=f"there are: {', '.join((*catalogue(), *ALIASES))}; groups: default, all"
        )
    return found


def weights_needed(name: str) -> tuple[str, ...]:
    """Published weights that a metric looks through."""
    if name.startswith(("fid", "kid")):
        return ("inception",)
    if name.startswith("lpips-") and name.split("-")[1] in TRUNKS:
        trunk = name.split("-")[1]
        return (TRUNKS[trunk][1], f"lpips-{trunk}")
    return ()


def resolve_metrics(names: Sequence[str], *, overrides: Mapping[str, Path] | None = None) -> tuple[str, ...]:
    """Full names of what was asked for, in the catalogue's order.

    ``default`` is one Fréchet and one kernel distance, LPIPS, and everything that needs no network; each through the
    published backbone where its weights are here, else through the embedded one. ``all`` is everything that can be
    computed here.

    Raises:
        InputError: unknown name, or nothing asked for.
        MissingError: a metric was named whose weights are not here.
    """
    own = "mini" if trained() else "random"

    def here(name: str) -> bool:
        small = "mini" not in name.split("-") or own == "mini"
        return small and all(find(weights, overrides) for weights in weights_needed(name))

    chosen: set[str] = set()
    for asked in names:
        if asked == "default":
            chosen |= {"fid-clean", "kid-clean", "fid-inf-clean"} if here("fid-clean") else {f"fd-{own}", f"kd-{own}"}
            chosen |= {"lpips-alex"} if here("lpips-alex") else {f"lpips-{own}"}
            chosen |= {info.name for info in _PLAIN}
        elif asked == "all":
            chosen |= {name for name in catalogue() if here(name)}
        else:
            name = metric_info(asked).name
            for weights in weights_needed(name):
                require(weights, overrides)
            chosen.add(name)
    if not chosen:
        raise InputError("no metric asked for", mend="name one, or default")
    return tuple(name for name in catalogue() if name in chosen)
