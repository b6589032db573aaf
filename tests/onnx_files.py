"""An ONNX file, written without a package that writes such files."""

from __future__ import annotations

import struct
from pathlib import Path


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
