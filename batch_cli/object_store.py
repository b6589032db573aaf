"""Objects in buckets, named by ``s3://``, ``gs://`` and ``az://`` addresses: read, looked at, and written whole.

obstore does the work and is imported here alone. It finds credentials and endpoints where the clients of the three
stores find them, in the environment of the process or on the machine that it runs on; none passes through our hands.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from batch_cli.errors import (
    BatchCliError,
    ConfigError,
    DamagedData,
    InvalidInput,
    Rejected,
    Temporary,
    UsageError,
    quoted,
)
from batch_cli.files import open_input

if TYPE_CHECKING:
    from types import ModuleType

_ADDRESS = re.compile(r"(s3|gs|az)://([^/?#]*)/?(.*)", re.DOTALL)
_BLOCK = 1 << 20
_PART_BYTES = 8 << 20
_MOST_PARTS = 10_000
"""Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html (read 2026-11-21)."""
_AT_ONCE = 2
"""Parts on their way: with `_PART_BYTES` this bounds the memory of an upload."""
_HASH, _OWNER = "batchclisha256", "batchcliowner"
"""Names of metadata that all three stores take: Azure wants words of a programming language."""
_ENDPOINTS = {"s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")}
_HERE = ("localhost", "127.0.0.1", "::1")
_KEYS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_SESSION_TOKEN, AWS_REGION), or run where a role is given",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or another credential",
}


@dataclass(frozen=True, slots=True)
class ObjectAddress:
    """Where an object is."""

    scheme: str
    """``s3``, ``gs`` or ``az``."""
    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> ObjectAddress:
        """Read ``s3://bucket/key``.

        Raises:
            UsageError: there is no bucket or no key in it, or it names a folder.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None or not match[2] or not match[3] or match[3].endswith("/"):
            raise UsageError(
                f"{quoted(text)} does not name an object",
                hint="write it as s3://BUCKET/KEY, gs://BUCKET/KEY or az://CONTAINER/KEY",
            )
        return cls(match[1], match[2], match[3])

    @property
    def name(self) -> str:
        """Give the last part of the key, which can name a file."""
        return self.key.rpartition("/")[2]

    def beside(self, suffix: str) -> ObjectAddress:
        """Give the object whose key is this one's and ``suffix``."""
        return ObjectAddress(self.scheme, self.bucket, self.key + suffix)

    def __str__(self) -> str:
        """Give the address as one writes it."""
        return f"{self.scheme}://{self.bucket}/{self.key}"


def is_object(name: str) -> bool:
    """Tell whether a name is the address of an object and not a file."""
    return _ADDRESS.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What a store says of an object."""

    size: int
    """Bytes."""
    etag: str | None
    """Another one for other content."""
    sha256: str | None
    """Of the content, where we wrote it."""
    owner: str | None
    """What it was written for, where we wrote it."""


class ObjectStore:
    """The stores that this machine reaches; nothing is opened before it is asked for.

    Each call may be repeated. obstore repeats what passes for a minute by itself.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take where to look for an endpoint of this machine; only such a one is spoken to in the clear."""
        self._environment = environment

    def look(self, address: ObjectAddress) -> ObjectFacts | None:
        """Give what is known of an object; None where there is none.

        Raises:
            ConfigError: there is no credential, it is refused, or obstore is not installed.
            Rejected: there is no such bucket.
            Temporary: the store cannot be reached.
        """
        with _translated(address, doing="looking for") as obstore:
            try:
                found = obstore.get(self._store(address), address.key, options={"head": True})
            except FileNotFoundError:
                return None
            return _facts(found)

    def refuse_bucket(self, address: ObjectAddress) -> None:
        """Fail if its bucket is not there, which `look` cannot see: a lookup has no body that would say so.

        Raises:
            Rejected: there is no such bucket.
        """
        with contextlib.suppress(ConfigError), _translated(address, doing="looking for") as obstore:
            # One that may not list is no worse for it.
            next(iter(obstore.list(self._store(address), prefix=address.key, chunk_size=1)), None)

    def read(self, address: ObjectAddress, sink: BinaryIO) -> ObjectFacts:
        """Copy an object into ``sink``, a block at a time, all of it of one content.

        Raises:
            InvalidInput: there is no such object.
            DamagedData: less came than the store had announced.
            ConfigError, Rejected, Temporary: as `look`.
        """
        with _translated(address, doing="reading") as obstore:
            found = obstore.get(self._store(address), address.key)
            facts = _facts(found)
            written = sum(sink.write(block) for block in found.stream(min_chunk_size=_BLOCK))
        if written != facts.size:
            raise DamagedData(
                f"{quoted(str(address))} was cut: {written:,} of {facts.size:,} bytes came",
                hint="run the same command again",
            )
        return facts

    def write(self, address: ObjectAddress, path: Path, *, sha256: str = "", owner: str = "") -> None:
        """Make an object of a file, in parts of which two are in memory; it is there when it is whole, or not at all.

        A stop in between takes the parts back; a kill leaves them out of sight, until the bucket's own rule for
        uploads that were not finished removes them.

        Raises:
            DiskError: the file cannot be opened.
            ConfigError, Rejected, Temporary: as `look`; an older object is untouched.
        """
        with open_input(path) as stream, _translated(address, doing="writing") as obstore:
            size = os.fstat(stream.fileno()).st_size
            part = max(_PART_BYTES, -(-size // (_MOST_PARTS - 1)))
            in_parts = size > part
            obstore.put(
                self._store(address),
                address.key,
                _blocks(stream) if in_parts else stream.read(),
                attributes={name: text for name, text in ((_HASH, sha256), (_OWNER, owner)) if text},
                use_multipart=in_parts,
                chunk_size=part,
                max_concurrency=_AT_ONCE,
            )

    def _store(self, address: ObjectAddress) -> Any:
        from obstore.store import from_url  # noqa: PLC0415 - 16 MB, for addresses alone

        names = _ENDPOINTS.get(address.scheme, ())
        endpoint = next((self._environment[name] for name in names if self._environment.get(name)), "")
        is_here = urlsplit(endpoint).hostname in _HERE
        return from_url(
            f"{address.scheme}://{address.bucket}",
            client_options={"connect_timeout": "10s", **({"allow_http": True} if is_here else {})},
            retry_config={"max_retries": 6, "retry_timeout": timedelta(seconds=60)},
        )


def _facts(found: Any) -> ObjectFacts:
    known = found.attributes
    return ObjectFacts(found.meta["size"], found.meta["e_tag"], known.get(_HASH), known.get(_OWNER))


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Give a file in blocks. A signal is heard between two of them, and takes the upload back."""
    while block := stream.read(_BLOCK):
        yield block


def _obstore() -> ModuleType:
    """Import obstore.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import obstore  # noqa: PLC0415 - 16 MB, for addresses alone
    except ImportError as error:
        raise ConfigError(
            "s3://, gs:// and az:// need obstore, which is not installed",
            hint="pip install 'batch-cli[cloud]'",
        ) from error
    found: ModuleType = obstore
    return found


@contextlib.contextmanager
def _translated(address: ObjectAddress, *, doing: str) -> Iterator[ModuleType]:
    """Give obstore, and make one of our errors of what it raises; what it has no class for, its words tell."""
    obstore = _obstore()
    try:
        yield obstore
    except FileNotFoundError as error:
        raise _not_there(address, str(error), doing) from error
    except obstore.exceptions.BaseError as error:
        if _names_no_bucket(str(error)):
            raise _not_there(address, str(error), doing) from error
        raise _failure(address, type(error).__name__, str(error), doing) from error


def _names_no_bucket(text: str) -> bool:
    return "NoSuchBucket" in text or "ContainerNotFound" in text


def _not_there(address: ObjectAddress, text: str, doing: str) -> BatchCliError:
    kind = "container" if address.scheme == "az" else "bucket"
    if _names_no_bucket(text) or doing != "reading":
        return Rejected(
            f"no such {kind} while {doing} {quoted(str(address))}",
            hint=f"check the name '{address.bucket}', the region and the endpoint",
        )
    return InvalidInput(
        f"no such object: {quoted(str(address))}", hint="check the name of the key", reference="E501"
    )


def _failure(address: ObjectAddress, kind: str, text: str, doing: str) -> BatchCliError:
    what = f"{doing} {quoted(str(address))}"
    reason = _reason(text)
    denied = kind in ("PermissionDeniedError", "UnauthenticatedError") or "AccessDenied" in text
    if denied:
        return ConfigError(
            f"access denied while {what}", where=reason, hint="check what the key may do, and its region"
        )
    without_key = "169.254.169.254" in text or "token request" in text or "Account must be" in text
    if without_key:
        return ConfigError(f"no credentials found for {what}", where=reason, hint=_KEYS[address.scheme])
    if "BadScheme" in text:
        return ConfigError(
            f"the endpoint for {quoted(str(address))} is not encrypted",
            hint="use https://, or set AWS_ALLOW_HTTP=true",
        )
    return Temporary(f"the store failed while {what}", where=reason, hint="run the same command again later")


def _reason(text: str) -> str:
    """Give the first line of what obstore says: the rest is its own structure."""
    first = text.partition("\n")[0].strip()
    return first[:300]
