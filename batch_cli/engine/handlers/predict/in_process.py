"""The handler of models in this process: an ONNX file, or a function of the user's code."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from batch_cli.clock import Clock, SystemClock
from batch_cli.engine.handlers.predict.rows import body_of, reply_of
from batch_cli.engine.reply import Call, Halt, Reply
from batch_cli.errors import BatchCliError
from batch_cli.model import JsonObject, JsonValue
from batch_cli.predict.in_process import Predict, load_function, load_onnx
from batch_cli.predict.model_file import ModelFile
from batch_cli.predict.prediction import Answer

_MODEL_REFUSED = 400
Outcome = TypeVar("Outcome")


class InProcess:
    """Answers the rows of one batch, several in one run of the model, and one run at a time.

    The model runs in a daemon thread, because Python cannot stop one that hangs: a second signal ends the process.
    """

    is_cpu_bound = False
    """It computes, but helpers would each load the model again, and ONNX uses all processors by itself."""

    def __init__(self, file: ModelFile, clock: Clock, rows: int) -> None:
        """Take the model, which is loaded for the first row."""
        self._file, self._clock = file, clock
        self.max_batch = rows
        self._lock = asyncio.Lock()
        self._predict: Predict | None = None

    async def __call__(self, calls: Sequence[Call]) -> list[Reply | None]:
        """Answer every call.

        Raises:
            Halt: the model cannot be loaded, or is not the one that was submitted.
        """
        inputs = [body_of(call)["inputs"] for call in calls]
        async with self._lock:
            outcome = await _in_thread(lambda: self._answer(inputs))
        if isinstance(outcome, BatchCliError):
            raise Halt(outcome)
        return [reply_of(one, _MODEL_REFUSED) for one in outcome.predictions]

    def _answer(self, inputs: Sequence[JsonValue]) -> Answer | BatchCliError:
        """Run the model; an error that concerns all rows is given, not raised."""
        try:
            if self._predict is None:
                self._file.refuse_changed()
                self._predict = self._load()
            return self._predict(inputs)
        except BatchCliError as error:
            return error

    def _load(self) -> Predict:
        if self._file.function is None:
            return load_onnx(self._file.path, self._clock)
        return load_function(f"{self._file.path}:{self._file.function}", self._clock)


def make(settings: JsonObject, rows: int) -> InProcess:
    """Make the handler of a batch with these settings, for so many ``rows`` at once."""
    return InProcess(ModelFile.of(settings), SystemClock(), rows)


async def _in_thread(work: Callable[[], Outcome]) -> Outcome:
    """Give what ``work`` gives, from a thread that nobody waits for at the end of the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Outcome] = loop.create_future()

    def deliver(outcome: list[Outcome]) -> None:
        if not done.done():
            if outcome:
                done.set_result(outcome[0])
            else:
                done.set_exception(RuntimeError("the thread of the model died"))

    def run() -> None:
        outcome: list[Outcome] = []
        try:
            outcome.append(work())
        finally:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(deliver, outcome)

    threading.Thread(target=run, name="model", daemon=True).start()
    return await done
