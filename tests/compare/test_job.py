"""Jobs: parsing, hashing, listing, sharding."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fittingroom.compare.job import Job, MethodSpec, Work, item_seed, take_shard
from fittingroom.core.errors import InputError
from fittingroom.core.files import file_name
from fittingroom.data.sample import Pair


@pytest.mark.parametrize(
    ("text", "name", "weights", "label"),
    [
        ("baseline", "baseline", None, "baseline"),
        ("ladi-vton@published", "ladi-vton", "published", "ladi-vton@published"),
        ("pasta-gan++@runs/own/weights", "pasta-gan++", "runs/own/weights", "pasta-gan++@weights"),
        ("mine=ladi-vton@a", "ladi-vton", "a", "mine"),
    ],
)
def test_method_specs_are_read_from_text(text: str, name: str, weights: str | None, label: str) -> None:
    spec = MethodSpec.parse(text)
    assert (spec.name, spec.weights, spec.label) == (name, weights, label)


@pytest.mark.parametrize("text", ["", "=", "x=", "@published"])
def test_a_spec_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="names no method"):
        MethodSpec.parse(text)


def test_a_job_survives_json() -> None:
    job = Job(
        "photos",
        (MethodSpec("baseline", settings={"feather": 2.0}), MethodSpec("baseline", label="other")),
        seed=4,
        limit=3,
    )
    assert Job.from_json(json.loads(json.dumps(job.as_json()))) == job


def test_a_job_refuses_what_cannot_be_compared() -> None:
    with pytest.raises(InputError, match="no method"):
        Job("photos", ())
    with pytest.raises(InputError, match="two methods are called baseline"):
        Job("photos", (MethodSpec("baseline"), MethodSpec("baseline")))
    with pytest.raises(InputError, match="no setting named 'both'"):
        Job("photos", (MethodSpec("baseline"),), settings=("both",))  # type: ignore[arg-type]


def test_item_seeds_depend_on_pair_and_seed_only() -> None:
    one, other = Pair("a", "b", True), Pair("a", "c", True)
    assert item_seed(0, one) == item_seed(0, Pair("a", "b", False))
    assert len({item_seed(0, one), item_seed(0, other), item_seed(1, one)}) == 3
    # "ab" + "c" must not equal "a" + "bc"
    assert item_seed(0, Pair("ab", "c", True)) != item_seed(0, Pair("a", "bc", True))


@given(st.integers(0, 40), st.integers(1, 9))
def test_shards_partition_the_work(count: int, shards: int) -> None:
    work = [Work(0, "paired", Pair(str(index), "g", True)) for index in range(count)]
    parts = [take_shard(work, (index, shards)) for index in range(shards)]
    assert sorted(entry.id for part in parts for entry in part) == sorted(entry.id for entry in work)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("shard", [(2, 2), (-1, 2), (0, 0)])
def test_shards_that_do_not_exist_are_refused(shard: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="no shard"):
        take_shard([], shard)


@example(ids=[".", "..", "a."])
@given(st.lists(st.text(min_size=1, max_size=300), min_size=2, max_size=6, unique=True))
def test_file_names_are_safe_and_distinct(ids: list[str]) -> None:
    names = [file_name(entry) for entry in ids]
    assert len(set(names)) == len(ids)
    for name in names:
        assert len(name.encode()) <= 200
        assert not set(name) & set('/\\:*?"<>| \n')
        assert name not in {"", ".", ".."}
