"""Which models there are, how a user's own are loaded, and what becomes of what they give."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from batch_cli.errors import UsageError
from batch_cli.local_models.models import Model, ModelFault, Models
from batch_cli.local_models.samples import SAMPLES


def code(directory: Path, text: str, name: str = "mine.py") -> None:
    (directory / name).write_text(text)


def gives(answer: Any) -> list[float | None]:
    return Model("m", "m.py:m", None, lambda _: answer).predict(1)


def test_the_samples_are_always_there() -> None:
    assert [model.name for model in Models.load()] == list(SAMPLES)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "failing"])
def test_a_sample_gives_the_same_for_the_same(name: str) -> None:
    value = [1, 2.5, 3, 4, 5, 6, 7, 8, 9, 10]
    model = Models.load().find(name)
    assert model is not None

    assert model.predict(value) == model.predict(list(value))


def test_the_strict_sample_wants_ten_numbers() -> None:
    model = Models.load().find("strict")
    assert model is not None

    with pytest.raises(ModelFault, match="ValueError: expected 10 features, got 3"):
        model.predict([1, 2, 3])


def test_a_function_is_called_as_it_is_or_as_the_user_says(tmp_path: Path) -> None:
    code(tmp_path, "def f(value): return value + 1")

    models = Models.load(["mine.py:f", "my model=mine.py:f"], tmp_path)

    assert [model.name for model in models][:2] == ["f", "my model"]
    assert next(iter(models)).predict(1) == [2.0]


def test_a_users_model_takes_the_place_of_a_sample(tmp_path: Path) -> None:
    code(tmp_path, "def f(value): return 7")
    models = Models.load(["mean=mine.py:f"], tmp_path)
    model = models.find("mean")
    assert model is not None

    assert (model.predict([1, 2]), len(list(models))) == ([7.0], len(SAMPLES))


def test_no_code_is_imported_before_it_is_asked_for(tmp_path: Path) -> None:
    code(tmp_path, "open('imported', 'w').close()\ndef f(value): return 1")

    Models.load([], tmp_path)

    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize(
    "word", ["", "mine", "mine.py", "mine.py:", "mine.txt:f", "mine.py:f()", "=mine.py:f", "a\x1bb=mine.py:f"]
)
def test_a_word_that_names_no_function_is_refused(word: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not name a model"):
        Models.load([word], tmp_path)


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    code(tmp_path, "def f(value): return 1")

    with pytest.raises(UsageError, match="two models are called 'f'"):
        Models.load(["mine.py:f", "mine.py:f"], tmp_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("raise ValueError('no')", "importing the file failed: ValueError: no"),
        ("import sys; sys.exit(3)", "importing the file failed: SystemExit: 3"),
        ("def g(value): pass", "the file has no function 'f'"),
        ("f = 3", "the file has no function 'f'"),
        ("def f(", "importing the file failed: SyntaxError"),
    ],
)
def test_code_that_cannot_be_loaded_makes_a_model_that_answers_with_an_error(
    tmp_path: Path, text: str, why: str
) -> None:
    code(tmp_path, text)

    (model,) = Models.load(["mine.py:f"], tmp_path).unloaded

    assert model.fault.startswith(why)
    assert model.status == "Error"
    with pytest.raises(ModelFault, match=r"^Model f not found$"):
        model.predict(1)


def test_a_file_that_is_not_there_is_an_error_of_its_model(tmp_path: Path) -> None:
    (model,) = Models.load(["nowhere.py:f"], tmp_path).unloaded

    assert "No such file" in model.fault
    assert str(tmp_path) not in model.fault


def test_what_the_code_prints_on_import_stays_off_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code(tmp_path, "print('hello')\ndef f(value): return 1")

    Models.load(["mine.py:f"], tmp_path)

    assert capsys.readouterr() == ("", "hello\n")


def test_a_file_can_import_its_neighbours_and_takes_no_other_modules_name(tmp_path: Path) -> None:
    code(tmp_path, "VALUE = 5", "neighbour_of_json.py")
    code(tmp_path, "from neighbour_of_json import VALUE\ndef f(value): return VALUE", "json.py")
    before, path = sys.modules["json"], list(sys.path)

    models = Models.load(["json.py:f"], tmp_path)

    assert next(iter(models)).predict(0) == [5.0]
    assert sys.modules["json"] is before
    assert sys.path == path


class Tensor:
    """Something with the method that arrays have."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def tolist(self) -> Any:
        return self.values


@pytest.mark.parametrize(
    ("answer", "values"),
    [
        (3, [3.0]),
        ([1, None, float("nan"), float("-inf"), 10**400], [1.0, None, None, None, None]),
        ((1, 2), [1.0, 2.0]),
        ([], []),
        (Tensor([1, 2]), [1.0, 2.0]),
        (Tensor(0.5), [0.5]),
        ([Tensor(1), Tensor(2)], [1.0, 2.0]),
        ({"ds": ["today"], "y": [4]}, [4.0]),
    ],
)
def test_numbers_lists_arrays_and_tables_are_predictions(answer: Any, values: list[float | None]) -> None:
    assert gives(answer) == values


@pytest.mark.parametrize("answer", [None, "text", True, [True], [[1]], ["1"], object()])
def test_anything_else_is_an_error_of_the_model(answer: Any) -> None:
    with pytest.raises(ModelFault, match="Unable to cast inference result to Float32Array"):
        gives(answer)


def test_an_exception_becomes_one_short_line_that_can_be_sent() -> None:
    class Nasty(Exception):
        def __str__(self) -> str:
            raise RuntimeError("not even this")

    def raising(error: BaseException) -> Model:
        def function(_: Any) -> None:
            raise error

        return Model("m", "m.py:m", None, function)

    with pytest.raises(ModelFault, match=r"^ValueError: a b \?$"):
        raising(ValueError("a\n\tb \ud800")).predict(1)
    with pytest.raises(ModelFault, match=r"^Nasty$"):
        raising(Nasty()).predict(1)
    with pytest.raises(ModelFault) as long:
        raising(ValueError("x" * 10_000)).predict(1)
    assert len(str(long.value)) < 400
