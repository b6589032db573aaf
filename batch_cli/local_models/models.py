"""The models that are served: the samples and the functions the user named, and what each answers to one input."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from batch_cli.errors import UsageError, quoted
from batch_cli.local_models.samples import SAMPLES
from batch_cli.local_models.user_code import NotLoaded, is_signal, load_function, raised
from batch_cli.model import JsonValue

Values = list[float | None]

READY = "Ready"
ERROR = "Error"
_SAMPLES_FROM = "batch-cli:v1"
_LONGEST_NAME = 200


class ModelFault(Exception):
    """A model gave no prediction; the text is for the client: one line, no path, no trace."""


@dataclass(frozen=True, slots=True)
class Model:
    """A function under the name that clients know."""

    name: str
    source: str
    """What it is made from, as Spice's ``from``: ``batch-cli:v1`` or ``file.py:function``; never a directory."""
    version: str | None
    """None for the user's own, whose version nobody knows."""
    function: Callable[[Any], Any] | None
    """None if it could not be loaded."""
    fault: str = ""
    """Why it could not be loaded, for whoever runs it."""

    @property
    def status(self) -> str:
        """Give ``Ready`` or ``Error``, in Spice's spelling."""
        return ERROR if self.function is None else READY

    def predict(self, value: JsonValue) -> Values:
        """Give the prediction for one input: numbers, with None for what is not finite.

        A table, that is a dict of columns, is read at its column ``y``, as Spice does.

        Raises:
            ModelFault: the model is not loaded, raised something, or gave no list of numbers.
        """
        if self.function is None:
            raise ModelFault(f"Model {self.name} not found")
        try:
            answer = _plain(self.function(value))
        except BaseException as error:  # foreign code, SystemExit included
            if is_signal(error):
                raise
            raise ModelFault(raised(error)) from error
        if isinstance(answer, dict):
            if "y" not in answer:
                raise ModelFault("Unable to find column 'y' in inference result")
            answer = answer["y"]
        return _values(answer)


class Models:
    """All models by name, in the order of their listing: the user's first, then the samples."""

    def __init__(self, models: Iterable[Model]) -> None:
        """Take the models; of several with one name the first counts."""
        self._by_name: dict[str, Model] = {}
        for model in models:
            self._by_name.setdefault(model.name, model)

    @classmethod
    def load(cls, words: Iterable[str] = (), directory: Path = Path()) -> Self:
        """Load the samples and the functions that ``words`` name: ``[NAME=]file.py:function``.

        Files are looked up in ``directory``. A function takes one input, any JSON value, and gives a
        number, a list of numbers, or a dict with such a list as ``y``; it may run in several threads at
        once. Without a name it is called as the function is; one called like a sample takes its place.
        A file that cannot be imported makes a model that answers with an error (`unloaded` says why).

        Raises:
            UsageError: a word is not of this form, or two have one name (E607).
        """
        mine: dict[str, Model] = {}
        for word in words:
            model = _load(word, directory)
            if model.name in mine:
                raise UsageError(
                    f"two models are called {quoted(model.name)}",
                    hint="give one of them another name: NAME=file.py:function",
                )
            mine[model.name] = model
        samples = (Model(name, _SAMPLES_FROM, "v1", function) for name, function in SAMPLES.items())
        return cls([*mine.values(), *samples])

    def __iter__(self) -> Iterator[Model]:
        """Give the models in the order of their listing."""
        return iter(self._by_name.values())

    def find(self, name: str) -> Model | None:
        """Give the model called ``name``, loaded or not."""
        return self._by_name.get(name)

    def find_loaded(self, name: str) -> Model | None:
        """Give the model called ``name`` if it is there and can answer."""
        model = self.find(name)
        return model if model is not None and model.function is not None else None

    @property
    def unloaded(self) -> list[Model]:
        """Give the models that could not be loaded; `Model.fault` says why."""
        return [model for model in self if model.function is None]


def _load(word: str, directory: Path) -> Model:
    name, equals, reference = word.rpartition("=")
    file, colon, function = reference.rpartition(":")
    name = name if equals else function
    if not (file.endswith(".py") and colon and function.isidentifier() and _is_name(name)):
        raise UsageError(
            f"{quoted(word)} does not name a model",
            hint="name a function as [NAME=]file.py:function",
        )
    path = directory / file
    source = f"{path.name}:{function}"
    try:
        return Model(name, source, None, load_function(path, function))
    except NotLoaded as error:
        return Model(name, source, None, None, str(error))


def _is_name(name: str) -> bool:
    return bool(name.strip()) and name.isprintable() and len(name) <= _LONGEST_NAME


def _plain(answer: Any) -> Any:
    """Give lists and numbers for arrays and tensors, which have ``tolist`` (NumPy, PyTorch), also in a dict."""
    if isinstance(answer, dict):
        return {key: _plain(column) for key, column in answer.items()}
    if isinstance(answer, list | tuple):
        return [_plain(item) for item in answer]
    return answer.tolist() if hasattr(answer, "tolist") else answer


def _values(answer: Any) -> Values:
    items = answer if isinstance(answer, list) else [answer]
    if answer is None or not all(item is None or _is_number(item) for item in items):
        raise ModelFault("Unable to cast inference result to Float32Array")
    return [_finite(item) for item in items]


def _is_number(item: object) -> bool:
    return isinstance(item, int | float) and not isinstance(item, bool)


def _finite(item: float | None) -> float | None:
    if item is None:
        return None
    try:
        number = float(item)
    except OverflowError:  # an integer beyond any double
        return None
    return number if math.isfinite(number) else None
