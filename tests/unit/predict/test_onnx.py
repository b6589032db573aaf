"""ONNX files, where onnxruntime is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_cli.errors import ConfigError, InvalidInput
from batch_cli.predict.in_process import load_onnx
from tests.onnx_files import doubling
from tests.support import FakeClock


@pytest.fixture
def model(tmp_path: Path) -> Path:
    pytest.importorskip("onnxruntime")
    return doubling(tmp_path / "double.onnx")


def test_inputs_are_predicted_together(model: Path, clock: FakeClock) -> None:
    found = load_onnx(model, clock)([[1, 2], [3.5, -1]]).predictions

    assert [each.values for each in found] == [[2.0, 4.0], [7.0, -2.0]]
    assert [each.model for each in found] == ["double.onnx"] * 2


def test_one_bad_input_fails_alone(model: Path, clock: FakeClock) -> None:
    found = load_onnx(model, clock)([[1, 2], [1, 2, 3], ["x", 2]]).predictions

    assert [each.is_good for each in found] == [True, False, False]
    assert [each.index for each in found] == [0, 1, 2]
    assert all(each.error for each in found[1:])


def test_what_is_not_finite_is_null(model: Path, clock: FakeClock) -> None:
    (found,) = load_onnx(model, clock)([[3e38, 1]]).predictions

    assert found.values == [None, 2.0]


def test_a_file_that_is_no_model_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "m.onnx").write_bytes(b"not a model")

    with pytest.raises(InvalidInput, match="is not an ONNX model"):
        load_onnx(tmp_path / "m.onnx", clock)


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "m.onnx").write_bytes(b"")

    with pytest.raises(ConfigError, match="which is not installed") as caught:
        load_onnx(tmp_path / "m.onnx", clock)
    assert caught.value.hint == "pip install 'batch-cli[ml]'"
