"""In what the wires differ that take a file and give files: paths, members and pages, as data and pure functions."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import quote

from batch_cli.model import Batch, JsonObject
from batch_cli.providers.base import BatchOptions

_PAGE = 100


class Paging(enum.StrEnum):
    """How a list is asked for in pages."""

    CURSOR = "cursor"
    """``after`` the last id of the page before, and ``has_more``."""
    NUMBER = "number"
    """``page`` from 0 with its ``page_size``; a page that is not full is the last."""
    NONE = "none"
    """All at once, in any order."""

    def query(self, number: int, last: str | None) -> str:
        """Give the query of page ``number`` from 0, which stands behind the item ``last``."""
        match self:
            case Paging.CURSOR:
                return f"limit={_PAGE}" + ("" if last is None else f"&after={quote(last, safe='')}")
            case Paging.NUMBER:
                return f"page={number}&page_size={_PAGE}"
            case Paging.NONE:
                return ""
            case _:
                assert_never(self)

    def goes_on(self, page: JsonObject, count: int) -> bool:
        """Tell whether there may be another page behind one of ``count`` items."""
        match self:
            case Paging.CURSOR:
                return bool(page.get("has_more"))
            case Paging.NUMBER:
                return count >= _PAGE
            case Paging.NONE:
                return False
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True)
class Wire:
    """How batches are made of a file, listed and read."""

    batches: str
    """Their path; below it are ``/{id}`` and ``/{id}/cancel``."""
    listing: str
    """The query that lists them, the newest first where the wire has an order."""
    new: Callable[[str, BatchOptions, str], JsonObject]
    """Writes what creates a batch, without metadata, of the input's id, the options and the window."""
    read: Callable[[JsonObject, str], Batch]
    """Reads a batch object of the provider that is named."""
    input_of: Callable[[JsonObject], str | None]
    """Finds the id of the input in a batch object."""
    results: Mapping[str, str]
    """By kind, ``output`` or ``error``: the member of a batch object that holds the id of its file."""
    unknown: tuple[int, ...] = (404,)
    """The statuses that say of an id that there is no such batch."""
    nameless_errors: bool = False
    """Rows of the error file may lack the id of their request."""
    has_windows: bool = True
    """A batch is asked for within a ``completion_window``."""
    deletes: bool = False
    """A batch can be deleted itself, and not only its files."""
