"""In what servers of the OpenAI wire differ, as data: OpenAI's own, and regolo's, which is a LiteLLM proxy.

Source: LiteLLM 1.109.1 and BerriAI/litellm#37199, #37527 for the proxy; regolo's swagger of 2026-04-30, which has no
files and no batches (read 2026-11-21). That regolo's proxy has batches for anybody is unverified.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from starlette.routing import Route

from batch_cli.model import JsonObject
from batch_cli.serve.refusal import Refusal

_ID = re.compile(r"litellm_proxy:application/json;unified_id,([a-z0-9_-]+);target_model_names,simulate")
_DETAILS = {"unknown_url": "Not Found", "method_not_supported": "Method Not Allowed"}


def _same(identifier: str) -> str:
    return identifier


def _openai_error(refusal: Refusal) -> JsonObject:
    error = {"message": refusal.message, "type": refusal.kind, "param": refusal.param, "code": refusal.code}
    return {"error": error}


@dataclass(frozen=True, slots=True)
class Flavour:
    """How one server of the wire differs from the others."""

    name: str
    roots: tuple[str, ...] = ("/v1",)
    """Under which paths all routes are."""
    closed: tuple[str, ...] = ()
    """Beginnings of paths, from ``/v1`` on, that are not served."""
    model_providers: tuple[str, ...] = ("openai", "local")
    """Whose models are listed."""
    late_cancel: int = 409
    """The status that refuses to cancel a batch that has ended."""
    checks_lines: bool = False
    """The input file of a batch is looked at when it is uploaded, not only when the batch is validated."""
    error_of: Callable[[Refusal], JsonObject] = _openai_error
    """Writes the body of an error."""
    to_client: Callable[[str], str] = _same
    """Gives the id that clients see for one of ours."""
    from_client: Callable[[str], str] = _same
    """Gives our id for one that a client sent; any other text stays what it is, and will not be found."""

    def serves(self, path: str) -> bool:
        """Tell whether there is a route that OpenAI has at ``path``."""
        return not path.startswith(self.closed) if self.closed else True

    def further(self, routes: Iterable[Route]) -> list[Route]:
        """Give the routes besides those under ``/v1``: the same ones under the other roots."""
        return [
            Route(root + route.path.removeprefix("/v1"), route.endpoint, methods=list(route.methods or ()))
            for root in self.roots
            if root != "/v1"
            for route in routes
        ]


def _litellm_error(refusal: Refusal) -> JsonObject:
    """Give an error as LiteLLM writes it: the code is the status, as a string; what is no route is FastAPI's to say."""
    if refusal.code in _DETAILS:
        return {"detail": _DETAILS[refusal.code]}
    error = {"message": refusal.message, "type": refusal.kind, "param": refusal.param}
    return {"error": {**error, "code": str(refusal.status)}}


def _to_managed(identifier: str) -> str:
    """Give an id as LiteLLM's managed files have it: long, and nothing that a client should look into."""
    words = f"litellm_proxy:application/json;unified_id,{identifier};target_model_names,simulate"
    return base64.urlsafe_b64encode(words.encode()).decode("ascii").rstrip("=")


def _from_managed(text: str) -> str:
    try:
        words = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode("ascii")
    except (ValueError, binascii.Error):
        return text
    found = _ID.fullmatch(words)
    return text if found is None else found[1]


OPENAI = Flavour("openai")
REGOLO = Flavour(
    "regolo",
    roots=("/v1", "", "/{provider}/v1"),
    closed=("/v1/uploads",),
    model_providers=("regolo", "local"),
    late_cancel=400,
    checks_lines=True,
    error_of=_litellm_error,
    to_client=_to_managed,
    from_client=_from_managed,
)
REGOLO_NO_BATCH = replace(REGOLO, name="regolo-no-batch", closed=("/v1/uploads", "/v1/files", "/v1/batches"))
FLAVOURS = {flavour.name: flavour for flavour in (OPENAI, REGOLO, REGOLO_NO_BATCH)}
