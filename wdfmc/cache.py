"""What is the same in every run is kept in the user's cache folder: made once, then read.

Each value has a file of its own, named by a hash of all that it is made from, with a hash of its content. Whatever is
wrong with the file or the folder, the value is made as if there were none.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import sys
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, TypeVar

from wdfmc import __version__

T = TypeVar("T")

MOST: Final = 4  # files of one name: those of the last versions that were used
SEAL: Final = 32  # bytes of the hash before the content


def remembered(name: str, made_from: Iterable[bytes], make: Callable[[], T]) -> T:
    """What `make` returns; from the cache if it is there. It must depend on nothing but `made_from` and this Python."""
    path = folder() / f"{name}-{key(made_from)}.pickle"
    found = read(path)
    if found is not None:
        return found  # type: ignore[no-any-return]
    value = make()
    with contextlib.suppress(OSError, RecursionError):
        write(path, name, pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
    return value


def code_of(package: str) -> list[bytes]:
    """Every file of a package, names included: what its functions return may change with it."""
    found = sorted((item.name, item) for item in files(package).iterdir() if item.is_file())
    return [part for name, item in found for part in (name.encode(), item.read_bytes())]


def folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("wdfmc", appauthor=False)


def key(made_from: Iterable[bytes]) -> str:
    digest = hashlib.sha256(f"{__version__} {sys.version}".encode())
    for part in made_from:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:SEAL]


def read(path: Path) -> Any:
    """None if there is no such file, if it is damaged, or if another user has written it: a pickle is a program."""
    try:
        if sys.platform != "win32" and path.stat().st_uid != os.geteuid():
            return None
        packed = path.read_bytes()
        if packed[:SEAL] != hashlib.sha256(packed[SEAL:]).digest():
            return None
        return pickle.loads(packed[SEAL:])
    except Exception:
        return None


def write(path: Path, name: str, packed: bytes) -> None:
    """All of it or nothing, and no more than some files of this name. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(hashlib.sha256(packed).digest() + packed)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    others = sorted(path.parent.glob(f"{name}-*.pickle"), key=lambda file: file.stat().st_mtime, reverse=True)
    for old in others[MOST:]:
        old.unlink(missing_ok=True)
