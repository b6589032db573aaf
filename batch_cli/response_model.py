"""Response models: what the answers have to look like, loaded from a class or from a schema file.

Loading a class imports the user's own code, and happens only when asked for by ``--response-model``.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from batch_cli.errors import UsageError, quoted
from batch_cli.files import open_input
from batch_cli.jsonl import loads
from batch_cli.model import JsonObject, JsonValue

if TYPE_CHECKING:
    from pydantic import BaseModel

Model = TypeVar("Model", bound="BaseModel")
MAX_NAME = 64
"""Longest schema name OpenAI takes. Source: openai-openapi 2.3.0, ``ResponseFormatJsonSchema`` (2026-08-21)."""


class Mismatch(Exception):
    """A value does not fit the response model; the text names the field."""


@dataclass(frozen=True, slots=True)
class ResponseModel:
    """What the answers have to look like."""

    name: str
    """Letters, digits, ``_`` and ``-``; at most 64 characters."""
    schema: JsonObject
    """Its JSON Schema, as its author made it."""
    parse: Callable[[JsonValue], JsonValue]
    """Turn a decoded answer into plain JSON data that fits, defaults filled in; else raise `Mismatch`."""


def load_response_model(reference: str, directory: Path) -> ResponseModel:
    """Load ``package.module:Class``, ``package.module.Class``, ``file.py:Class`` or ``schema.json``.

    Modules are looked up in ``directory`` first, as Python does for a script there. Whatever the module
    prints on import goes to standard error, so that data on standard output stays clean.

    Raises:
        UsageError: it cannot be found, cannot be imported, or is not a pydantic model (E606).
        InvalidInput: the schema file cannot be read.
    """
    if reference.endswith(".json"):
        return from_schema(_read_schema(directory / reference), Path(reference).stem)
    where, colon, name = reference.rpartition(":")
    if not colon:
        where, _, name = reference.rpartition(".")
    if not (where and name):
        raise _refused(reference, "name a class as 'package.module:Class'")
    with _importing_from(directory):
        module = _import(reference, where, directory)
        found = getattr(module, name, None)
    return _from_class(reference, found)


def from_schema(schema: JsonObject, name: str) -> ResponseModel:
    """Make a response model of a JSON Schema (draft 2020-12); values are checked, never changed.

    The validator is built on first use, because its library takes 0.1 s to import.
    """
    validator: Any = None

    def parse(value: JsonValue) -> JsonValue:
        nonlocal validator
        if validator is None:
            import jsonschema  # noqa: PLC0415 - 105 ms, needed only when answers are parsed

            validator = jsonschema.Draft202012Validator(schema)
        first = next(validator.iter_errors(value), None)
        if first is not None:
            place = ".".join(str(part) for part in first.absolute_path) or "the answer"
            raise Mismatch(f"{place}: {first.message}")
        return value

    return ResponseModel(_legal_name(name), schema, parse)


def _from_class(reference: str, found: object) -> ResponseModel:
    from pydantic import BaseModel  # noqa: PLC0415 - 80 ms

    if not (isinstance(found, type) and issubclass(found, BaseModel) and found is not BaseModel):
        raise _refused(reference, "name a class that derives from pydantic.BaseModel")
    return from_class(found)


def from_class(model: type[BaseModel]) -> ResponseModel:
    """Make a response model of a pydantic class."""

    def parse(value: JsonValue) -> JsonValue:
        return validated(model, value).model_dump(mode="json")

    return ResponseModel(_legal_name(model.__name__), model.model_json_schema(), parse)


def validated(model: type[Model], value: JsonValue) -> Model:
    """Make an object of a pydantic class out of a decoded answer.

    Raises:
        Mismatch: it does not fit.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - 80 ms

    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the answer"
        raise Mismatch(f"{place}: {first['msg']}") from error


def _import(reference: str, where: str, directory: Path) -> object:
    """Import a module by its dotted name, or a file; whatever user code raises becomes a `UsageError`."""
    if where.endswith(".py"):
        open_input(directory / where).close()
    try:
        return _import_file(directory / where) if where.endswith(".py") else importlib.import_module(where)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit included
        raise _refused(
            reference,
            "run it from the directory that holds the module, or use 'file.py:Class'",
            f"importing {quoted(where)} failed: {type(error).__name__}: {error}",
        ) from error


def _import_file(path: Path) -> object:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pydantic look their module up by name
    spec.loader.exec_module(module)
    return module


def _refused(reference: str, hint: str, why: str | None = None) -> UsageError:
    return UsageError(
        f"response model {quoted(reference)} is not a pydantic model"
        if why is None
        else f"response model {quoted(reference)} cannot be loaded",
        where=why or (),
        hint=hint,
        reference="E606",
    )


@contextlib.contextmanager
def _importing_from(directory: Path) -> Iterator[None]:
    """Put ``directory`` first on the import path and keep prints off standard output, for one import."""
    entry = str(directory)
    sys.path.insert(0, entry)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(entry)


def _read_schema(path: Path) -> JsonObject:
    with open_input(path) as stream:
        try:
            schema = loads(stream.read())
        except ValueError as error:
            raise UsageError(
                f"response model {quoted(str(path))} is not valid JSON",
                where=str(error),
                hint="write the schema with a JSON library",
                reference="E606",
            ) from error
    if not isinstance(schema, dict):
        raise UsageError(f"response model {quoted(str(path))} is not a JSON Schema object", reference="E606")
    return schema


def _legal_name(name: str) -> str:
    legal = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in name)
    return legal[:MAX_NAME] or "Answer"
