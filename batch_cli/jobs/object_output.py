"""Object outputs: a file that is written here, then becomes an object in a bucket with its proof beside it.

    written before? ─▶ may it be replaced? ─▶ file here, as for any output ─▶ side files, proof, object ─▶ file removed

The file is kept in the state directory until the object is there, so that the same command after a break has only to
send it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import rmtree

from batch_cli.errors import BatchCliError, StateError, disk_error, quoted
from batch_cli.files import held, open_input, private_directory, try_lock
from batch_cli.jsonl import loads
from batch_cli.model import JsonObject
from batch_cli.object_store import ObjectAddress, ObjectStore
from batch_cli.results import manifest_path

_LONGEST_PROOF = 256 << 20
_OURS = "batch-cli"
"""The owner of what belongs to no batch."""


@dataclass(frozen=True, slots=True)
class ObjectOutput:
    """An object that is to be written."""

    store: ObjectStore
    address: ObjectAddress
    owner: str = _OURS
    """The same for outputs that may replace each other."""

    def refuse(self) -> None:
        """Refuse an address that cannot become right whatever is written, before hours are spent on it.

        Raises:
            StateError: an object is there that is not ours.
            ConfigError, Rejected, Temporary: the store cannot be used.
        """
        facts = self.store.look(self.address)
        if facts is None:
            self.store.refuse_bucket(self.address)
        elif facts.owner is None:
            raise self._other()

    def proof(self, *, force: bool) -> JsonObject | None:
        """Give the proof of the object that is there, if it is whole and what the proof says; memory: the proof.

        Raises:
            StateError: there is an object of another owner, and no ``force``.
            ConfigError, Rejected, Temporary: the store cannot be used.
        """
        facts = self.store.look(self.address)
        if facts is None:
            self.store.refuse_bucket(self.address)
            return None
        if facts.owner != self.owner and not force:
            raise self._other()
        beside = self.address.beside(manifest_path(Path("-")).name.removeprefix("-"))
        proof = self.store.look(beside)
        if facts.sha256 is None or proof is None or proof.size > _LONGEST_PROOF:
            return None
        text = io.BytesIO()
        with suppress(BatchCliError, ValueError):  # gone or cut in between: written anew
            self.store.read(beside, text)
            found = loads(text.getvalue())
            if isinstance(found, dict) and found.get("sha256") == facts.sha256:
                return found
        return None

    @contextmanager
    def file(self, state: Path) -> Iterator[Path]:
        """Give where to write the file; when the block is left in peace it becomes the object.

        What lies beside it (side files, columns, then the proof) is sent first, as these get their names first on a disk.

        Raises:
            StateError: another process on this machine writes the same object.
            ConfigError, Rejected, Temporary: the store cannot be used; the file is kept.
        """
        name = _short(str(self.address))
        directory = private_directory(state / "objects" / f"{name}-{_short(self.owner)}")
        lock = try_lock(directory.with_name(f"{name}.lock"))
        if lock is None:
            raise StateError(
                f"another batch-cli is writing {quoted(str(self.address))}", hint="wait until it has ended"
            )
        with held(lock):
            path = directory / "object"
            proof = manifest_path(path)
            yield path
            beside = [one for one in sorted(directory.iterdir()) if one not in (proof, path)]
            for one in (*(one for one in beside if one.suffix != ".part"), proof, path):
                self._send(one, path.name)
            rmtree(directory, ignore_errors=True)

    def _send(self, path: Path, name: str) -> None:
        if path.is_file():
            suffix = path.name.removeprefix(name)
            self.store.write(self.address.beside(suffix), path, sha256=_hash(path), owner=self.owner)

    def _other(self) -> StateError:
        return StateError(
            f"{quoted(str(self.address))} exists and holds something else",
            hint="write to another key, or use --force to replace it",
            reference="E804",
        )


def _short(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _hash(path: Path) -> str:
    digest = sha256()
    try:
        with open_input(path) as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise disk_error(error, path, doing="reading") from error
    return digest.hexdigest()
