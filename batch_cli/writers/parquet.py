"""Results as Parquet, by pyarrow: the only module that knows it."""

from __future__ import annotations

import io
from typing import Any

from batch_cli.errors import ConfigError, DamagedData
from batch_cli.model import JsonObject, JsonValue
from batch_cli.results import OutputRow, Sink
from batch_cli.writers.base import Shape
from batch_cli.writers.columns import Columns, as_text

_MOST_ROWS = 10_000
_MOST_BYTES = 16_000_000
"""Of the lines of the rows that wait to be written together; bounds memory."""
_COUNTS = ("input_tokens", "output_tokens")
_LARGEST = 2**63


class ParquetWriter:
    """Writes a column of its own type for each plain field of typed answers; what is nested is JSON in a text.

    A row group holds 10,000 rows, or fewer where they are long. Failed rows are there, with the reason in the
    last two columns.
    """

    def __init__(self, sink: Sink, shape: Shape) -> None:
        """Write to ``sink``.

        Raises:
            ConfigError: pyarrow is not installed.
        """
        try:
            import pyarrow as pa  # noqa: PLC0415 - 165 MB and 0.3 s, for this form alone
            import pyarrow.parquet as pq  # noqa: PLC0415
        except ImportError as error:
            raise ConfigError(
                "--format parquet needs pyarrow, which is not installed",
                hint="pip install 'batch-cli[parquet]'",
            ) from error
        self._columns = Columns(shape)
        types = {field.column: _type(field.schema) for field in self._columns.fields}
        self._types = [types.get(name, int if name in _COUNTS else str) for name in self._columns.names]
        arrow = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
        self._schema = pa.schema(
            [(name, arrow[kind]) for name, kind in zip(self._columns.names, self._types, strict=True)]
        )
        self._arrow = pa
        self._file = pq.ParquetWriter(pa.PythonFile(_Stream(sink), mode="w"), self._schema)
        self._waiting: list[list[JsonValue]] = [[] for _ in self._types]
        self._bytes = 0

    def add(self, row: OutputRow) -> bool:
        """Keep a row until enough have come to be written together.

        Raises:
            DamagedData: a number of a typed answer is too large for its column.
        """
        cells = zip(self._columns.names, self._types, self._columns.cells(row), strict=True)
        for waiting, (name, kind, value) in zip(self._waiting, cells, strict=True):
            waiting.append(_fitting(value, kind, name, row.custom_id))
        self._bytes += len(row.line)
        if len(self._waiting[0]) >= _MOST_ROWS or self._bytes >= _MOST_BYTES:
            self._flush()
        return True

    def finish(self) -> None:
        """Write the last rows and the footer."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        if self._waiting[0]:
            arrays = [
                self._arrow.array(column, field.type)
                for column, field in zip(self._waiting, self._schema, strict=True)
            ]
            self._file.write_batch(self._arrow.RecordBatch.from_arrays(arrays, schema=self._schema))
        self._waiting = [[] for _ in self._types]
        self._bytes = 0


def _type(schema: JsonObject) -> type:
    """Find the plain type that a field has besides null; a text of JSON holds everything else."""
    kinds = schema.get("type")
    options = schema.get("anyOf")
    if isinstance(options, list):
        kinds = [option.get("type") for option in options if isinstance(option, dict)]
    named = {str(kind) for kind in (kinds if isinstance(kinds, list) else [kinds])} - {"null"}
    plain: dict[str, type] = {"integer": int, "number": float, "boolean": bool}
    return plain.get(named.pop(), str) if len(named) == 1 else str


def _fitting(value: JsonValue, kind: type, name: str, custom_id: str) -> Any:
    if value is None:
        return None
    if kind is str:
        return as_text(value).encode("utf-8", "backslashreplace").decode("utf-8")
    number = kind(value) if isinstance(value, int | float) else None
    if number is None or (kind is int and not -_LARGEST <= number < _LARGEST):
        raise DamagedData(
            f'{name} of "{custom_id[:64]}" does not fit a Parquet column of numbers',
            hint="use --format csv or --format lines",
        )
    return number


class _Stream(io.RawIOBase):
    """A sink as pyarrow wants a file to be."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._sink.write(bytes(data))
        return len(data)
