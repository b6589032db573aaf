"""Errors as FastAPI answers them."""

from __future__ import annotations

from starlette.responses import Response

from batch_cli.model import JsonValue
from batch_cli.serve.prediction.endpoint import json_response


class HttpError(Exception):
    """The request is answered with a status and a ``detail``."""

    def __init__(self, status: int, detail: JsonValue) -> None:
        """Take both; the detail is a text, or for 422 a list of what is wrong."""
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail

    def response(self) -> Response:
        """Give the answer."""
        return json_response({"detail": self.detail}, self.status)
