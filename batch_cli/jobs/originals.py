"""Originals: the request lines of a batch as they were sent, wherever they still are, and a part of them copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

from batch_cli.errors import DamagedData, InvalidInput, Rejected, StateError, quoted
from batch_cli.files import open_input
from batch_cli.id_index import IdIndex
from batch_cli.jobs.check import first_object
from batch_cli.jobs.kept_requests import kept_requests_path
from batch_cli.jobs.split import Spool
from batch_cli.jobs.workspace import BatchPlace, Workspace
from batch_cli.jsonl import LineTooLong, loads
from batch_cli.model import Limits
from batch_cli.providers.base import Codec
from batch_cli.request_file import request_lines

Lines = Callable[[], Iterator[bytes] | None]
"""Reads request lines anew, without line ends; None: they are not given back."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What is known of the requests of a batch."""

    codec: Codec
    """Whose lines they are."""
    places: tuple[tuple[str, Lines], ...]
    """Where they may be, with the name of each for messages, the nearest first."""
    hashes: frozenset[str] = field(default_factory=frozenset)
    """Over all lines, each ended by ``\\n``; the hash of what is found has to be one of them, if there are any."""


def sent_by(workspace: Workspace, place: BatchPlace, codec: Codec) -> Sent:
    """Give where the requests of a batch or job are to be looked for: where it ran here, its file, its provider."""
    provider = workspace.provider_of(place)
    journal = workspace.journal
    intent = None if place.job else journal.by_batch(place.id)
    part = journal.job_of(place.id) if place.job is None else None
    job = place.job or (journal.job(part.job) if part else None)
    known = [one for one in (intent, job) if one is not None]
    if place.job is None:
        lines: Lines = partial(provider.requests, place.id)
    else:
        lines = partial(_lines_of_job, workspace, place)
    places: list[tuple[str, Lines]] = [
        (one.source, partial(_lines_of_file, Path(one.source), codec))
        for one in known
        if Path(one.source).is_absolute()
    ]
    for one in known:
        kept = kept_requests_path(workspace.state, one.sha256)
        places.append(("what was kept here", partial(_lines_of_file, kept, codec)))
    places.insert(0 if provider.capabilities.runs_here else len(places), (f"the copy of {place.id}", lines))
    return Sent(codec, tuple(places), frozenset(one.sha256 for one in known))


def sent_from(path: Path, codec: Codec, hashes: frozenset[str]) -> Sent:
    """Give the requests of a file that the user has named."""
    return Sent(codec, ((str(path), partial(_lines_of_file, path, codec, is_named=True)),), hashes)


def _lines_of_file(path: Path, codec: Codec, *, is_named: bool = False) -> Iterator[bytes] | None:
    """Read the lines of a request file; None where there is none, but for one that the user has named."""
    if not is_named and not path.is_file():
        return None
    first = first_object(partial(open_input, path))
    if first is None or not codec.is_own(first):
        if not is_named:
            return None
        raise InvalidInput(
            f"{quoted(str(path))} does not hold requests in {codec.title} format",
            hint="name the request file; batch-cli create writes one from messages, with the options of then",
            reference="E312",
        )
    return _read(path, codec.limits)


def _read(path: Path, limits: Limits) -> Iterator[bytes]:
    try:
        with open_input(path) as stream:
            yield from request_lines(stream, limits)
    except LineTooLong:
        raise _not_those(str(path), "a line is longer than any request") from None


def _lines_of_job(workspace: Workspace, place: BatchPlace) -> Iterator[bytes] | None:
    provider = workspace.provider(place.provider)
    shards = workspace.journal.shards_of(place.id)
    ids = [one.intent.batch if one.intent else None for one in shards]
    parts = [None if batch_id is None else provider.requests(batch_id) for batch_id in ids]
    if any(part is None for part in parts):
        return None
    return (line for part in parts if part is not None for line in part)


def copy(sent: Sent, ids: IdIndex) -> Spool:
    """Copy the lines of some ids, in their order, from the nearest place that has them.

    Memory: one line. The copy is a file without a name.

    Raises:
        InvalidInput: the requests that are there are not those that were sent.
        StateError: they are nowhere.
    """
    changed: InvalidInput | None = None
    for name, read in sent.places:
        spool = Spool()
        try:
            lines = read()
            if lines is not None:
                spool.open(partial(_chosen, lines, sent, ids, name)).close()
                return spool
        except InvalidInput as error:
            changed = error
        except (Rejected, DamagedData):  # gone at the provider, or damaged here: the next place may have them
            pass
        except BaseException:
            spool.close()
            raise
        spool.close()
    if changed is not None:
        raise changed
    raise StateError(
        "the requests that were sent are not to be found any more",
        where=f"looked for: {', '.join(name for name, _ in sent.places)}",
        hint="name the request file with --requests FILE; for a messages file write it with batch-cli create first",
        reference="E806",
    )


def _chosen(lines: Iterator[bytes], sent: Sent, ids: IdIndex, name: str) -> Iterator[bytes]:
    digest, found = sha256(), 0
    for line in lines:
        digest.update(line)
        digest.update(b"\n")
        if ids.get(_id_of(line, sent.codec, name)) is not None:
            found += 1
            yield line
    if found != ids.count or (sent.hashes and digest.hexdigest() not in sent.hashes):
        raise _not_those(
            name,
            f"{found:,} of {ids.count:,} ids are in it" if found != ids.count else "its content has changed",
        )


def _id_of(line: bytes, codec: Codec, name: str) -> str:
    try:
        return str(loads(line)[codec.id_field])
    except (ValueError, LookupError, TypeError) as error:
        raise _not_those(name, f"a line has no {codec.id_field}") from error


def _not_those(name: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{quoted(name)} does not hold the requests that were sent",
        where=why,
        hint="name the request file as it was, with --requests FILE",
        reference="E505",
    )
