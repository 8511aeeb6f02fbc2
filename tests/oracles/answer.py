"""Runs beside the tests, in a process that sees the independent libraries: ``python answer.py QUESTION IN.npz OUT.npz``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from random_weights import random_weights

Arrays = dict[str, np.ndarray]


def declare_vision_operators() -> torch.library.Library:
    """Let torchvision's CUDA build be imported beside a CPU torch: it registers fakes of operators it cannot load."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def lpips_answer(given: Arrays) -> Arrays:
    """Distances, maps, taps and heads of the published implementation over a trunk of random weights."""
    import lpips

    for name in ("normal_", "uniform_", "kaiming_normal_", "kaiming_uniform_"):
        setattr(
            torch.nn.init, name, lambda tensor, *_, **__: tensor
        )  # every weight is set below: seconds saved for VGG
    metric = lpips.LPIPS(net=str(given["net"]), pnet_rand=True, verbose=False)
    state = metric.net.state_dict()
    # "slice2.3.weight" is layer 3 of the trunk, which torchvision calls "features.3.weight"
    names = {key: "features." + key.split(".", 1)[1] for key in state}
    weights = random_weights({names[key]: value for key, value in state.items()})
    metric.net.load_state_dict({key: weights[names[key]] for key in state})
    answers: Arrays = {}
    image, truth = (torch.from_numpy(given[key]) for key in ("image", "truth"))
    for name, spatial in (("distance", False), ("map", True)):
        metric.spatial = spatial
        with torch.inference_mode():
            answers[name] = metric(image, truth).numpy()
    with torch.inference_mode():
        for key, picture in (("image", image), ("truth", truth)):
            for index, tap in enumerate(metric.net(metric.scaling_layer(picture))):
                answers[f"{key}_tap{index}"] = tap.numpy()
    for key, value in metric.lins.state_dict().items():
        answers["lin" + key] = value.numpy()
    return answers


def torch_fidelity_distances(given: Arrays) -> Arrays:
    """FID and KID of given features."""
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    a, b = torch.from_numpy(given["a"]), torch.from_numpy(given["b"])
    fid = fid_statistics_to_metric(fid_features_to_statistics(a), fid_features_to_statistics(b), False)
    size, subsets, seed = (int(given[key]) for key in ("size", "subsets", "seed"))
    kid = kid_features_to_metric(
        a, b, kid_subsets=subsets, kid_subset_size=size, rng_seed=seed, verbose=False, kid_kernel="poly",
        kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1.0,
    )  # fmt: skip
    return {
        "fid": np.array(fid["frechet_inception_distance"]),
        "kid_mean": np.array(kid["kernel_inception_distance_mean"]),
        "kid_std": np.array(kid["kernel_inception_distance_std"]),
    }


def torch_fidelity_inception(given: Arrays) -> Arrays:
    """Pooled features of given pictures, through its network with random weights and through its resize alone."""
    from torch_fidelity import feature_extractor_inceptionv3 as inception
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

    class Empty(inception.FeatureExtractorInceptionV3):
        """Built without the published weights."""

        def load_state_dict(self, *_: object, **__: object) -> None:
            """Keep what the constructor made."""

    inception.load_state_dict_from_url = lambda *_, **__: {}
    network = Empty("inception", ["2048", "logits"], verbose=False)
    torch.nn.Module.load_state_dict(network, random_weights(network.state_dict()))
    images = torch.from_numpy(given["images"])
    with torch.inference_mode():
        pooled, logits = network(images)
        resized = interpolate_bilinear_2d_like_tensorflow1x(images.float(), size=(299, 299), align_corners=False)
    return {"pooled": pooled.numpy(), "logits": logits.numpy(), "resized": resized.numpy()}


def clean_fid(given: Arrays) -> Arrays:
    """Its resize of a large and of a small picture, and its distances of given features."""
    import scipy.linalg

    square_root = scipy.linalg.sqrtm

    def sqrtm(matrix: np.ndarray, disp: bool = True) -> object:
        """``disp`` is gone from scipy 1.18; clean-fid still asks for it."""
        root = square_root(matrix)
        return root if disp else (root, 0.0)

    scipy.linalg.sqrtm = sqrtm
    fid = importlib.import_module("cleanfid.fid")
    resize = importlib.import_module("cleanfid.resize")
    a, b = given["a"], given["b"]
    return {
        **{name: resize.build_resizer("clean")(given[name]) for name in ("large", "small")},
        "fid": np.array(fid.fid_from_feats(a, b)),
        "kid": np.array(fid.kernel_distance(a, b)),
    }


def torchmetrics_pictures(given: Arrays) -> Arrays:
    """SSIM, MS-SSIM and PSNR per picture, in the precision of the pictures."""
    from torchmetrics.functional.image import (
        multiscale_structural_similarity_index_measure,
        peak_signal_noise_ratio,
        structural_similarity_index_measure,
    )

    image, truth = (torch.from_numpy(given[key]) for key in ("image", "truth"))
    options = {"data_range": 1.0, "reduction": "none"}
    ssim, full = structural_similarity_index_measure(image, truth, return_full_image=True, **options)
    ratio = peak_signal_noise_ratio(image, truth, data_range=1.0, reduction="none", dim=(1, 2, 3))
    return {
        "ssim": ssim.numpy(),
        "map": full.numpy(),
        "ms_ssim": multiscale_structural_similarity_index_measure(image, truth, **options).numpy(),
        "psnr": ratio.numpy(),
    }


QUESTIONS: dict[str, Callable[[Arrays], Arrays]] = {
    "lpips": lpips_answer,
    "torch-fidelity": torch_fidelity_distances,
    "torch-fidelity-inception": torch_fidelity_inception,
    "clean-fid": clean_fid,
    "torchmetrics": torchmetrics_pictures,
}

if __name__ == "__main__":
    torch.set_num_threads(2)
    _, question, source, target = sys.argv
    kept = declare_vision_operators()
    with np.load(Path(source)) as archive:
        asked = dict(archive)
    np.savez(Path(target), **QUESTIONS[question](asked))
