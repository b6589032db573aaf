"""One prediction server over HTTP: asked once, and every failure told with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from batch_cli.errors import BatchCliError, ConfigError, DamagedData, Rejected, Temporary
from batch_cli.httpclient.client import HttpClient, Reply, Sent
from batch_cli.httpclient.error_body import read_error
from batch_cli.httpclient.outcome import NoAnswer, NotSent
from batch_cli.jsonl import dumps, dumps_exactly, loads
from batch_cli.model import JsonObject, JsonValue

MOST_BYTES = 256_000_000
"""Of an answer, which is read whole."""
_PASSING = (408, 425, 429)
_SERVER_FAULTS = range(500, 600)
_REDIRECTS = range(300, 400)
_UNAVAILABLE = (502, 503, 504)
_TRY_LATER = "run it again later; --wait-ready 60 waits for a server that is starting"


class PredictionServer:
    """Asks a server; ``hints`` say what to do about a status that means something particular there."""

    def __init__(self, client: HttpClient, *, seconds: float, hints: Mapping[int, str], broken: str) -> None:
        """Give each request ``seconds`` in all; ``broken`` is the hint for a connection that was cut."""
        self._client, self._seconds, self._hints, self._broken = client, seconds, hints, broken

    @property
    def name(self) -> str:
        """Give its address."""
        return str(self._client.origin)

    def post(self, path: str, body: JsonObject) -> Reply:
        """Send a JSON body, and give whatever comes.

        Raises:
            Temporary: there is no answer.
        """
        headers = {"content-type": "application/json"}
        return self._once(
            Sent("POST", path, headers, dumps_exactly(body), None, self._seconds, most_bytes=MOST_BYTES)
        )

    def get(self, path: str) -> Reply:
        """Ask for a path, and give whatever comes.

        Raises:
            Temporary: there is no answer.
        """
        return self._once(Sent("GET", path, seconds=self._seconds, most_bytes=MOST_BYTES))

    def value(self, reply: Reply) -> JsonValue:
        """Give the JSON of a good answer.

        Raises:
            BatchCliError: the status is not good (`refused`).
            DamagedData: it is no JSON.
        """
        if not reply.is_good:
            raise self.refused(reply)
        try:
            value = loads(reply.body)
            dumps(
                value
            )  # what is nested deeper than can be written again is refused here, not where it is shown
        except TypeError as error:
            raise self.damaged("it is nested too deep") from error
        except ValueError as error:
            start = " ".join(reply.body[:60].decode("utf-8", "replace").split())
            raise self.damaged(f"it is not JSON and starts with '{start}'") from error
        return value

    def damaged(self, why: str) -> DamagedData:
        """Make the error of an answer that is none of this wire."""
        return DamagedData(
            f"the answer of {self.name} cannot be used", where=why, hint="check --base-url and --api"
        )

    def refused(self, reply: Reply) -> BatchCliError:
        """Make the error of an answer whose status is not good: its own words, and what to do."""
        said = read_error(reply.body, reply.status).message
        where = f"{self.name} answered HTTP {reply.status}: {said}"
        hint = self._hints.get(reply.status)
        if reply.status in (401, 403):
            return ConfigError(f"unauthorized: {self.name} refused the key", where=where, hint=hint)
        if reply.status in _UNAVAILABLE:
            return Temporary(f"{self.name} is unavailable", where=where, hint=_TRY_LATER)
        if reply.status in _PASSING or reply.status in _SERVER_FAULTS:
            return Temporary(f"{self.name} failed", where=where, hint=hint or "run it again later")
        if reply.status in _REDIRECTS:
            hint = "correct --base-url: no redirect is followed, because a key would go elsewhere with it"
        return Rejected(f"{self.name} refused the request", where=where, hint=hint)

    def wait_until(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Wait until a server is ready, asking about twice a second.

        Raises:
            Temporary: it was not within ``seconds``.
        """
        clock = self._client.clock
        end = clock.monotonic() + seconds
        why = "it says that it is not"
        while True:
            try:
                if is_ready():
                    return
            except Temporary as error:
                why = error.where[0] if error.where else error.message
            if clock.monotonic() >= end:
                raise Temporary(
                    f"{self.name} was not ready within {seconds:g} s",
                    where=why,
                    hint="wait longer, or look why",
                )
            clock.sleep(min(0.5, max(end - clock.monotonic(), 0.01)))

    def _once(self, sent: Sent) -> Reply:
        try:
            return self._client.once(sent)
        except NotSent as error:
            hint = "start the server, or name it with --base-url URL; --wait-ready 60 waits for it"
            raise Temporary(f"{self.name} cannot be reached", where=str(error), hint=hint) from error
        except NoAnswer as error:
            raise Temporary(
                f"{self.name} gave no proper answer", where=str(error), hint=self._broken
            ) from error
