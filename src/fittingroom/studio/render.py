"""Rendering a plan: every person and every garment is a job of its own, written whole or not at all, on all cores.

A folder that was left half done goes on where it stopped: a job's record names its files and their hashes, and is written last.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..core.errors import InputError
from ..core.files import read_json, sha256_bytes, sha256_file, sha256_json, write_bytes, write_json
from ..core.images import Size, encode_png
from ..core.labels import CIHP20
from ..core.parallel import end_with_parent
from ..core.pose import pose_to_openpose
from ..core.progress import Report
from ..data.regions import edit_region
from ..data.sample import Parse
from . import quality
from .annotate import dense_map, depth_of, garment_mask, garment_words, parse_of, person_words, pose_of_view
from .body import Body, Skin
from .cuts import Cut
from .fabric import Cloth
from .garment import Piece
from .light import cores
from .people import Arm, Stance
from .poses import sample_stance
from .scene import View, dress, frame_of, look_at, mannequin
from .shade import colour, lit
from .spec import VERSION, Guest, Model, Plan, photo_name
from .spec import plan as make_plan

#: how often somebody is asked to stand differently before being left out
ATTEMPTS = 5
#: how garments for sale hang
_HANGING = Stance(left=Arm((32, 0), (30, 3)), right=Arm((32, 0), (30, 3)))
Put = Callable[[str, bytes], None]


@lru_cache(maxsize=4)
def _nobody(female: float) -> tuple[Body, Skin]:
    body = mannequin(female)
    return body, body.mesh()


def _json(value: Any) -> bytes:
    import json

    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def render_model(plan: Plan, model: Model, put: Put) -> dict[str, Any]:
    """The photos of one cut in its fabrics, on white.

    Returns:
        What is to be said of each article.
    """
    first = model.articles[0]
    body, skin = _nobody(first.female)
    place = first.category
    dressed, _ = dress(body, skin, _HANGING, {place: replace(first.cut, tucked=False)})
    cloth = np.concatenate([item.points for item in dressed.items if item.name == place])
    view = look_at(
        dressed, frame_of(cloth, plan.size), model.lamps, human=None, skin=None, seed=plan.seed * 7919 + model.number
    )
    faults = quality.of_shop(view)
    if faults:
        return {"faults": faults}
    mask = encode_png(garment_mask(view, place))
    said = {}
    light = lit(view)
    look = replace(plan.guests[0].looks[0], exposure=1.0, warmth=0.0)
    for article in model.articles:
        put(
            f"cloth/{article.id}.png",
            encode_png(colour(view, look, {place: article.cut}, {place: article.cloth}, light)),
        )
        put(f"cloth-mask/{article.id}.png", mask)
        said[article.id] = {"category": article.category, "clothing": garment_words(article.cut, article.cloth)}
    return {"garments": said}


def _worn(plan: Plan, guest: Guest, number: int) -> tuple[str, dict[str, Cut], list[dict[str, Cloth]]]:
    """Place, cuts and, for each variant, fabrics of somebody in a garment."""
    articles = plan.models[number].articles
    place = articles[0].category
    cuts = {place: articles[0].cut, **{name: cut for name, (cut, _) in guest.rest.items()}}
    cloths = [
        {place: articles[k].cloth, **{name: fabrics[k] for name, (_, fabrics) in guest.rest.items()}}
        for k in range(plan.variants)
    ]
    return place, cuts, cloths


def render_guest(plan: Plan, guest: Guest, put: Put) -> dict[str, Any]:
    """The photos of one person, in the own garment and in others, with all annotations."""
    body = Body(guest.human.shape, guest.human.face)
    skin = body.mesh()
    reasons: list[str] = []
    number = int(guest.id[1:])
    sewn: dict[Cut, Piece] = {}
    for attempt in range(ATTEMPTS):
        if attempt:
            rng = np.random.default_rng([VERSION, plan.seed, 3, number, attempt])
            guest = replace(guest, stance=sample_stance(rng))
        shots, faults = _shots(plan, guest, body, skin, sewn)
        if not faults:
            return _write(plan, guest, skin, shots, put) | {"attempts": attempt + 1, "rejected": reasons}
        reasons += faults
    return {"faults": reasons}


Shot = tuple[int, str, dict[str, Cut], list[dict[str, Cloth]], View, Any]


def _shots(plan: Plan, guest: Guest, body: Body, skin: Skin, sewn: dict[Cut, Piece]) -> tuple[list[Shot], list[str]]:
    dressings, kept = [], None
    for number in (guest.article, *guest.others):
        place, cuts, cloths = _worn(plan, guest, number)
        dressed, fallen = dress(body, skin, guest.stance, cuts, kept, sewn)
        faults = quality.of_body(dressed, skin)
        if faults:
            return [], faults
        kept = fallen
        dressings.append((number, place, cuts, cloths, dressed))
    # the hair lies on the thickest of the garments in all of them: it must not differ between a photo and its counterfactual
    thick = max(dressed.thick for *_, dressed in dressings)
    shots: list[Shot] = []
    seed = plan.seed * 104729 + int(guest.id[1:])
    for number, place, cuts, cloths, dressed in dressings:
        view = look_at(
            replace(dressed, thick=thick),
            guest.camera(plan.size),
            guest.lamps,
            human=guest.human,
            skin=skin,
            yaw=guest.stance.yaw,
            seed=seed,
        )
        parse = parse_of(view, cuts)
        faults = quality.of_photo(view, parse, cuts, place)
        if faults:
            return [], faults
        shots.append((number, place, cuts, cloths, view, parse))
    return shots, []


def _write(plan: Plan, guest: Guest, skin: Skin, shots: list[Shot], put: Put) -> dict[str, Any]:
    own, *others = shots
    _, _, cuts, cloths, view, parse = own
    article = plan.models[guest.article].articles[0]
    pose = pose_of_view(view)
    posed = view.dressed.posed.skin(skin.points, skin.weights)
    files = {
        "image-parse-v3/{}.png": encode_png(parse, CIHP20.palette),
        "openpose_json/{}_keypoints.json": _json(pose_to_openpose(pose)),
        "image-densepose/{}.png": encode_png(dense_map(view, skin.points, posed, skin.faces)),
        "depth/{}.png": bytes(cv2.imencode(".png", depth_of(view))[1]),
        "agnostic-mask/{}_mask.png": encode_png(
            edit_region(Parse(parse, CIHP20), pose, article.category).astype(np.uint8) * 255
        ),
    }
    people = {}
    light = [lit(shot[4]) for shot in shots]
    for k, look in enumerate(guest.looks):
        name = photo_name(guest.id, k, plan.variants)
        put(f"image/{name}.png", encode_png(colour(view, look, cuts, cloths[k], light[0])))
        for path, data in files.items():
            put(path.format(name), data)
        people[name] = {
            "person": person_words(guest, cuts),
            "clothing": garment_words(
                plan.models[guest.article].articles[k].cut, plan.models[guest.article].articles[k].cloth
            ),
        }
        for (number, _, other_cuts, other_cloths, other, other_parse), other_light in zip(
            others, light[1:], strict=True
        ):
            target = plan.models[number].articles[k].id
            put(
                f"truth/{name}__{target}.png", encode_png(colour(other, look, other_cuts, other_cloths[k], other_light))
            )
            put(f"truth-parse/{name}__{target}.png", encode_png(other_parse, CIHP20.palette))
    return {"people": people}


@dataclass(frozen=True)
class Done:
    """How a rendering ended: how many photos there are, and what was left out and why."""

    root: Path
    people: int
    garments: int
    truths: int
    left_out: tuple[str, ...]


def _key(plan: Plan, job: str) -> str:
    what = plan.guests[int(job[1:])] if job[0] == "p" else plan.models[int(job[1:])]
    others = [asdict(plan.models[k]) for k in (what.article, *what.others)] if isinstance(what, Guest) else []
    return sha256_json([VERSION, list(plan.size), plan.seed, plan.variants, asdict(what), others])


def _run(root: Path, arguments: dict[str, Any], job: str) -> str:
    """One job in a process of its own; returns its name."""
    plan = _plan_of(**arguments)
    files: dict[str, str] = {}

    def put(path: str, data: bytes) -> None:
        write_bytes(root / path, data)
        files[path] = sha256_bytes(data)

    if job[0] == "p":
        said = render_guest(plan, plan.guests[int(job[1:])], put)
    else:
        said = render_model(plan, plan.models[int(job[1:])], put)
    write_json(root / ".jobs" / f"{job}.json", {"key": _key(plan, job), "files": files, **said})
    return job


@lru_cache(maxsize=2)
def _plan_of(count: int, seed: int, size: Size, variants: int, counterfactuals: int) -> Plan:
    return make_plan(count, seed, size=size, variants=variants, counterfactuals=counterfactuals)


def _finished(root: Path, plan: Plan, job: str) -> bool:
    """Whether a job's record fits and every file of it is there, unharmed."""
    path = root / ".jobs" / f"{job}.json"
    if not path.is_file():
        return False
    with contextlib.suppress(InputError, KeyError, TypeError, AttributeError, OSError):
        record = read_json(path)
        same = record["key"] == _key(plan, job)
        return same and all(sha256_file(root / one) == known for one, known in record["files"].items())
    return False


def render(
    root: Path,
    count: int,
    seed: int,
    *,
    size: Size = (512, 384),
    variants: int = 1,
    counterfactuals: int = 1,
    workers: int | None = None,
    name: str | None = None,
    progress: Report = lambda done, total: None,
) -> Done:
    """Render people, garments and counterfactuals into a dataset in the canonical layout.

    Args:
        root: folder; what is finished in it already is not done again.
        count: people, and as many garments, with one light each.
        seed: of everything.
        size: (height, width), 3:4.
        variants: colours for each light.
        counterfactuals: other garments that everybody is photographed in.
        workers: processes; None: one for each core.
        name: of the dataset.
        progress: called with (done, total).

    Raises:
        InputError: numbers that make no sense, or a folder with another rendering in it.
        MissingError: Mitsuba is not installed.
    """
    from .light import mitsuba

    if count < 1 or not 1 <= variants <= 16 or counterfactuals < 0 or min(size) < 64:
        raise InputError(
            "nothing to render", mend="at least one person, 1 to 16 variants, pictures of 64 pixels or more"
        )
    mitsuba()
    arguments = {"count": count, "seed": seed, "size": size, "variants": variants, "counterfactuals": counterfactuals}
    settings = {**arguments, "size": list(size), "version": VERSION}
    if (root / "studio.json").is_file() and read_json(root / "studio.json") != settings:
        raise InputError(
            f"{root} holds a rendering with other settings", mend="choose another folder", path=root / "studio.json"
        )
    write_json(root / "studio.json", settings)
    plan = _plan_of(**arguments)
    jobs = [f"g{model.number:04d}" for model in plan.models] + [guest.id for guest in plan.guests]
    waiting = [job for job in jobs if not _finished(root, plan, job)]
    done = len(jobs) - len(waiting)
    progress(done, len(jobs))
    for _ in _all(root, arguments, waiting, workers or cores()):
        done += 1
        progress(done, len(jobs))
    return finish(root, plan, jobs, name or root.name)


def _all(root: Path, arguments: dict[str, Any], jobs: list[str], workers: int) -> Iterator[str]:
    if workers == 1 or len(jobs) <= 1:
        for job in jobs:
            yield _run(root, arguments, job)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), end_with_parent) as pool:
        tasks = [pool.submit(_run, root, arguments, job) for job in jobs]
        try:
            for task in as_completed(tasks):
                yield task.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def finish(root: Path, plan: Plan, jobs: list[str], name: str) -> Done:
    """Write what concerns all: captions, pairs, dataset.json."""
    people: dict[str, Any] = {}
    garments: dict[str, Any] = {}
    left_out = []
    hashes: dict[str, str] = {}
    for job in jobs:
        record = read_json(root / ".jobs" / f"{job}.json")
        people |= record.get("people", {})
        garments |= record.get("garments", {})
        hashes |= record["files"]
        if record.get("faults"):
            left_out.append(f"{job}: {'; '.join(record['faults'][-3:])}")
    paired, unpaired = ([(p, g) for p, g in pairs if p in people and g in garments] for pairs in plan.pairs())
    captions = {**people, **{key: {"clothing": value["clothing"]} for key, value in garments.items()}}
    write_json(root / "captions.json", captions)
    for setting, pairs in (("paired", paired), ("unpaired", unpaired)):
        write_bytes(root / f"test_pairs_{setting}.txt", "".join(f"{p}.png {g}.png\n" for p, g in pairs).encode())
    info = {
        "name": name,
        "provenance": f"rendered by fittingroom's studio (version {VERSION}, seed {plan.seed}); nobody is depicted",
        "licence": "Apache-2.0",
        "consent": "not needed: rendered figures",
        "label_set": "cihp20",
        "files_sha256": sha256_json(hashes),
        "garments": {key: {"category": value["category"], "worn": False} for key, value in garments.items()},
    }
    write_json(root / "dataset.json", info)
    truths = sum(1 for path in hashes if path.startswith("truth/"))
    return Done(root, len(people), len(garments), truths, tuple(left_out))
