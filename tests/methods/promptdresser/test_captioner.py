"""Captions of a dataset: by rule, by a model, completed, kept, edited; a real (tiny, random) vision-language model."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from fittingroom.cli.main import app
from fittingroom.core.errors import InputError, MissingError
from fittingroom.core.images import UInt8
from fittingroom.data.dataset import Dataset
from fittingroom.data.layouts import layout
from fittingroom.methods.promptdresser.captioner import LanguageModel, write_captions
from fittingroom.methods.promptdresser.captions import CLOTHING_KEYS, KEYS, PERSON_KEYS, Caption, Part, parse_answer
from fittingroom.methods.promptdresser.conditions import captions as captions_of

transformers = pytest.importorskip("transformers", reason="needs the extra `diffusion`")


@pytest.fixture
def folder(drawn: Dataset, tmp_path: Path) -> Path:
    """Five samples in a folder of their own, without captions."""
    layout("viton-hd").write(drawn.only(limit=2), tmp_path / "data")
    (tmp_path / "data" / "captions.json").unlink(missing_ok=True)
    return tmp_path / "data"


def read(folder: Path) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads((folder / "captions.json").read_text())
    return found


def test_rules_describe_every_person_and_garment(folder: Path) -> None:
    data = Dataset.open(folder)
    written, failures = write_captions(data)
    assert failures == []
    assert written == len(data.people) + sum(not garment.worn for garment in data.garments.values())
    entries = read(folder)
    for person in data.people:
        assert set(entries[person]["person"]) == set(PERSON_KEYS)  # type: ignore[call-overload]
        assert entries[person]["source"] == "rules"
    again = Dataset.open(folder)
    sample = next(again.samples("unpaired"))
    person, garment = captions_of(sample, "given")
    assert person.person is not None
    assert garment.clothing is not None


def test_what_stands_there_stays(folder: Path) -> None:
    data = Dataset.open(folder)
    who = next(iter(data.people))
    hand = {key: f"my {key}" for key in PERSON_KEYS}
    text = json.dumps({who: {"person": hand, "note": "checked", "source": "Ada"}})
    (folder / "captions.json").write_text(text)
    write_captions(Dataset.open(folder))
    entries = read(folder)
    assert entries[who]["person"] == hand
    assert entries[who]["note"] == "checked"
    assert str(entries[who]["source"]).startswith("Ada")
    before = (folder / "captions.json").read_bytes()
    assert write_captions(Dataset.open(folder)) == (0, [])
    assert (folder / "captions.json").read_bytes() == before
    write_captions(Dataset.open(folder), overwrite=True)
    assert read(folder)[who]["person"] != hand
    assert read(folder)[who]["note"] == "checked"


class Scripted:
    """Answers as a model might; every other time it says nothing of use."""

    name = "scripted"

    def __init__(self) -> None:
        self.seen: list[tuple[UInt8, Part]] = []

    def describe(self, picture: UInt8, part: Part) -> Caption:
        self.seen.append((picture, part))
        if len(self.seen) % 2 == 0:
            return parse_answer("I do not know.", part, self.name)
        keys = ", ".join(f'"{key}": "{key} SEEN"' for key in KEYS[part])
        return parse_answer(f"Sure! ```json\n{{{keys}}}\n```", part, self.name)


def test_a_model_is_asked_and_rules_fill_in(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    asked, data = Scripted(), Dataset.open(folder)
    with caplog.at_level(logging.WARNING, logger="fittingroom"):
        written, failures = write_captions(data, asked)
    assert (written, failures) == (len(asked.seen), [])
    assert "lacks" in caplog.text
    assert "said by rule instead" in caplog.text
    sources = [entry["source"] for entry in read(folder).values()]
    assert {"scripted", "rules"} <= set(sources)
    # the garment is shown alone on white, so that nothing is said of a person
    for picture, part in asked.seen:
        if part == "clothing":
            assert (picture[[0, 0, -1, -1], [0, -1, 0, -1]] > 240).all()


def test_what_cannot_be_described_is_one_line_and_stops_nothing(folder: Path) -> None:
    data = Dataset.open(folder)
    broken = next(iter(data.people))
    data.people[broken].files["parse"].write_bytes(b"no picture")
    written, failures = write_captions(Dataset.open(folder))
    assert written > 0
    assert any(line.startswith(f"{broken}: ") and "\n" not in line for line in failures)
    assert "person" not in read(folder).get(broken, {})


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_broken_file_is_left_alone(folder: Path, text: str) -> None:
    (folder / "captions.json").write_text(text)
    with pytest.raises(InputError):
        write_captions(Dataset.open(folder))
    assert (folder / "captions.json").read_text() == text


def test_the_command(folder: Path) -> None:
    done = CliRunner().invoke(app, ["captions", str(folder), "--quiet"])
    assert done.exit_code == 0, done.output
    assert "descriptions written" in done.output
    assert len(read(folder)) > 3
    refused = CliRunner().invoke(app, ["captions", str(folder), "--model", str(folder / "nowhere"), "--quiet"])
    assert isinstance(refused.exception, MissingError)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Idefics3, the architecture of SmolVLM, as its publishers lay out the folder."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    target = tmp_path_factory.mktemp("models") / "tiny-vlm"
    special = ["<pad>", "<s>", "</s>", "<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>"]
    special += [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {token: number for number, token in enumerate([*special, *letters])}
    plain = Tokenizer(models.BPE(words, [], unk_token="<pad>"))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="<pad>", bos_token="<s>", eos_token="</s>", additional_special_tokens=special[3:]
    )  # fmt: skip
    template = (
        "{% for message in messages %}{{ message.role }}:{% for part in message.content %}"
        "{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}{% endfor %}<end_of_utterance>{% endfor %}assistant:"
    )
    pictures = Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    processor = transformers.Idefics3Processor(pictures, tokenizer, image_seq_len=1, chat_template=template)
    processor.save_pretrained(target)
    torch.manual_seed(0)
    config = transformers.Idefics3Config(
        vision_config={
            "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 32,
            "patch_size": 16,
        },
        text_config={
            "model_type": "llama", "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "num_key_value_heads": 2, "vocab_size": len(words), "max_position_embeddings": 4096, "pad_token_id": 0,
            "bos_token_id": 1, "eos_token_id": 2,
        },
        image_token_id=words["<image>"],
        scale_factor=2,
        pad_token_id=0,
    )  # fmt: skip
    transformers.Idefics3ForConditionalGeneration(config).save_pretrained(target)
    return target


def test_a_real_model_answers_and_is_replaced_by_rules_where_it_babbles(
    tiny_model: Path, folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LanguageModel(tiny_model)
    picture = np.full((40, 30, 3), 200, np.uint8)
    first, second = model.answer(picture, "What is it?"), model.answer(picture, "What is it?")
    assert first == second
    assert "What is it?" not in first
    monkeypatch.setattr("fittingroom.methods.promptdresser.captioner._LONGEST_ANSWER", 4)
    data = Dataset.open(folder).only(limit=1)
    with caplog.at_level(logging.WARNING, logger="fittingroom"):
        written, failures = write_captions(data, model)
    assert written > 0
    assert failures == []
    assert "tiny-vlm lacks" in caplog.text
    assert {entry["source"] for entry in read(folder).values()} == {"rules"}


def test_a_readable_answer_is_taken(tiny_model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = LanguageModel(tiny_model)
    phrases = {key: f"{key} seen" for key in (*PERSON_KEYS, *CLOTHING_KEYS)}
    monkeypatch.setattr(model, "answer", lambda picture, question: json.dumps(phrases))
    write_captions(Dataset.open(folder), model)
    assert {entry["source"] for entry in read(folder).values()} == {"tiny-vlm"}


def test_folders_that_hold_no_model_are_one_line(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no config.json") as absent:
        LanguageModel(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "idefics3"}')
    with pytest.raises(InputError, match="not a vision-language model") as broken:
        LanguageModel(tmp_path)
    with pytest.raises(MissingError, match="smolvlm-500m") as unfetched:
        LanguageModel()
    for caught in (absent, broken, unfetched):
        assert "\n" not in str(caught.value)
