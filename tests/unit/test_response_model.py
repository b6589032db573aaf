from __future__ import annotations

import json
from pathlib import Path

import pytest

from batch_cli.errors import InvalidInput, UsageError
from batch_cli.response_model import Mismatch, from_schema, load_response_model
from tests.support import SCHEMA

USER = """
from pydantic import BaseModel, field_validator

print("a module that talks")

class User(BaseModel):
    name: str
    age: int = 7

    @field_validator("name")
    @classmethod
    def shout(cls, value):
        return value.upper()

instance = User(name="x")
number = 5
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "people_models.py").write_text(USER)
    (tmp_path / "broken_models.py").write_text("raise SystemExit(3)")
    (tmp_path / "user.json").write_text(json.dumps(SCHEMA))
    return tmp_path


@pytest.mark.parametrize("reference", ["people_models:User", "people_models.User", "people_models.py:User"])
def test_a_class_is_found_by_every_form_of_name(directory: Path, reference: str) -> None:
    model = load_response_model(reference, directory)

    assert model.name == "User"
    assert model.schema["properties"]["age"]["default"] == 7
    assert model.parse({"name": "ada"}) == {"name": "ADA", "age": 7}


def test_a_schema_file_checks_without_importing_anything(directory: Path) -> None:
    model = load_response_model("user.json", directory)

    assert (model.name, model.schema) == ("user", SCHEMA)
    assert model.parse({"name": "x", "age": 1}) == {"name": "x", "age": 1}


def test_what_a_module_prints_stays_off_standard_output(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_response_model("people_models.py:User", directory)

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "reference",
    [
        "people_models:instance",
        "people_models:number",
        "people_models:Nobody",
        "os.system",
        "pydantic:BaseModel",
        "User",
        ":",
        "people_models:",
    ],
)
def test_what_is_no_model_is_refused(directory: Path, reference: str) -> None:
    with pytest.raises(UsageError, match="response model") as caught:
        load_response_model(reference, directory)
    assert caught.value.reference == "E606"


@pytest.mark.parametrize("reference", ["broken_models:User", "no_such_module_here:User"])
def test_a_module_that_cannot_be_imported_says_why(directory: Path, reference: str) -> None:
    with pytest.raises(UsageError, match="cannot be loaded") as caught:
        load_response_model(reference, directory)
    assert "importing" in caught.value.where[0]


def test_missing_files_are_named(directory: Path) -> None:
    for reference in ("nope.py:User", "nope.json"):
        with pytest.raises(InvalidInput, match="no such file"):
            load_response_model(reference, directory)


@pytest.mark.parametrize("text", ["{nope", "[]"])
def test_a_file_that_is_no_schema_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)

    with pytest.raises(UsageError, match="response model"):
        load_response_model("bad.json", tmp_path)


def test_a_mismatch_names_the_field(directory: Path) -> None:
    for model in (load_response_model("people_models:User", directory), from_schema(SCHEMA, "User")):
        with pytest.raises(Mismatch, match=r"^age: "):
            model.parse({"name": "x", "age": "old"})


def test_a_name_is_made_legal_for_every_provider() -> None:
    assert from_schema({}, "Mein Schema/ü" + "x" * 80).name == ("Mein_Schema__" + "x" * 80)[:64]
