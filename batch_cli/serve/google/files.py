"""``files``: list, look at, delete, and the download of results. Uploads are in `uploads`."""

from __future__ import annotations

import re
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from batch_cli.serve.desk import Desk
from batch_cli.serve.download import download
from batch_cli.serve.google.objects import (
    STORED,
    answer,
    file_object,
    host_of,
    invalid,
    list_answer,
    not_found,
    page_of,
)
from batch_cli.serve.records import FileRecord
from batch_cli.serve.refusal import Refusal

UPLOADED = "upload"
"""The purpose of the files that clients see; what a batch brought along is stored as another one."""
RESULTS = "batch-"
"""How the names of result files begin; the rest is the batch's. Source: googleapis/python-genai#1759 (read 2026-11-21)."""
LONGEST_ID = 40
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_LISTED, _MOST_LISTED = 10, 100


def routes(desk: Desk, version: str) -> list[Route]:
    """Give the routes of a version of the API."""
    return [
        Route(f"/{version}/files/{{id}}:download", partial(_download, desk), methods=["GET"]),
        Route(f"/download/{version}/files/{{id}}:download", partial(_download, desk), methods=["GET"]),
        Route(f"/{version}/files", partial(_list, desk), methods=["GET"]),
        Route(f"/{version}/files/{{id}}", partial(_get, desk), methods=["GET"]),
        Route(f"/{version}/files/{{id}}", partial(_delete, desk), methods=["DELETE"]),
    ]


def check_id(file_id: str, field: str) -> None:
    """Hold the name of a file to its form; result files are too long for everything but a download.

    Source: googleapis/python-genai#1759 and #1613, googleapis/js-genai#1227 (read 2026-11-21).

    Raises:
        Refusal: it is not a name.
    """
    if len(file_id) > LONGEST_ID:
        raise invalid(
            f"* {field}: File ID (name excluding 'files/') cannot be more than {LONGEST_ID} characters.\n"
        )
    if not _ID.fullmatch(file_id):
        raise invalid(
            f"* {field}: File ID may only contain lowercase letters, digits and dashes, and neither begin nor end"
            " with a dash.\n"
        )


def find_file(desk: Desk, file_id: str) -> FileRecord:
    """Give an uploaded file that is there.

    Raises:
        Refusal: it is not, which the live API does not tell from somebody else's (403).
    """
    file = desk.records.file(STORED + file_id, desk.clock.now(), wire="google")
    if file is None:
        # Source: googleapis/python-genai#1218 (read 2026-11-21).
        raise Refusal(
            403, f"You do not have permission to access the File {file_id[:64]} or it may not exist."
        )
    return file


async def _list(desk: Desk, request: Request) -> Response:
    size, after = page_of(request, _LISTED, _MOST_LISTED)
    found = desk.records.files(desk.clock.now(), most=size + 1, after=after, wire="google", purpose=UPLOADED)
    items = [file_object(file, host_of(request)) for file in found[:size]]
    return list_answer("files", items, found[size - 1].seq if len(found) > size else None)


async def _get(desk: Desk, request: Request) -> Response:
    file_id = request.path_params["id"]
    check_id(file_id, "GetFileRequest.name")
    return answer(file_object(find_file(desk, file_id), host_of(request)))


async def _delete(desk: Desk, request: Request) -> Response:
    file_id = request.path_params["id"]
    check_id(file_id, "DeleteFileRequest.name")
    file = find_file(desk, file_id)
    desk.records.delete_file(file.id)
    desk.contents.delete(file.id)
    return answer({})


async def _download(desk: Desk, request: Request) -> Response:
    file_id = request.path_params["id"]
    if not file_id.startswith(RESULTS):
        check_id(file_id, "DownloadFileRequest.name")
        find_file(desk, file_id)
        raise Refusal(400, "Only generated files can be downloaded.", kind="FAILED_PRECONDITION")
    batch = desk.records.batch(file_id.removeprefix(RESULTS), wire="google")
    if (
        batch is None
        or batch.output_file_id is None
        or batch.status != "completed"
        or "inputConfig" not in (batch.details or {})
    ):
        raise not_found()
    if request.query_params.get("alt") != "media":
        return answer({})  # the message that the method answers with has no fields
    return download(request, desk.contents.path(batch.output_file_id), batch.output_file_id)
