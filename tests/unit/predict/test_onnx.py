"""ONNX files, where onnxruntime is installed."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from batch_cli.errors import ConfigError, InvalidInput
from batch_cli.predict.in_process import load_onnx
from tests.support import FakeClock


def field(number: int, value: bytes | int) -> bytes:
    """Give a field of a protocol buffer, so that the tests need no package to write models with."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def tensor_type(*axes: bytes | int) -> bytes:
    dims = b"".join(field(1, field(2, axis) if isinstance(axis, bytes) else field(1, axis)) for axis in axes)
    return field(1, field(1, 1) + field(2, dims))  # of floats


def doubling(path: Path) -> Path:
    """Write a model that gives twice each of its two numbers: Y = X * 2."""
    node = field(1, b"X") + field(1, b"two") + field(2, b"Y") + field(4, b"Mul")
    two = field(2, 1) + field(8, b"two") + field(9, struct.pack("<f", 2.0))
    graph = (
        field(1, node)
        + field(2, b"g")
        + field(5, two)
        + field(11, field(1, b"X") + field(2, tensor_type(b"N", 2)))
        + field(12, field(1, b"Y") + field(2, tensor_type(b"N", 2)))
    )
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(2, 13)))
    return path


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
