"""Files that exist whole or not at all, and what decides the numbers in them: versions and arithmetic."""

import errno
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from adc.errors import UserError

_PERMISSION = "no permission to write there; make the folder writable or set ADC_HOME to one that is"
_OCCUPIED = "a file stands where a folder is needed; move it away or set ADC_HOME to another folder"
_CAUSES = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again",
    errno.EDQUOT: "the disk quota is used up; free some space and run the same command again",
    errno.EROFS: "that file system is read-only; set ADC_HOME to a folder that can be written",
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.ENOTDIR: _OCCUPIED,
    errno.EEXIST: _OCCUPIED,
}


@contextmanager
def atomic(target: Path, folder: bool = False) -> Iterator[Path]:
    """Write a temporary file or folder next to `target`, then rename it into place: all of it or nothing.
    Yields the temporary path (with `folder` an empty folder). What stood at `target` is replaced, unless the
    temporary folder is gone. A full disk, a missing permission and the like become a `UserError`."""
    target = Path(target)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.partial")
    new_parents = [parent for parent in target.parents if not os.path.exists(parent)]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            partial.mkdir()
        yield partial
        if partial.exists() or not folder:
            _replace(target, partial)
    except OSError as error:
        if error.errno not in _CAUSES:
            raise
        words = f"Could not write {target}: {_CAUSES[error.errno]}. What was there before is unchanged."
        raise UserError(words) from error
    finally:
        if os.path.isdir(partial):
            shutil.rmtree(partial, ignore_errors=True)
        elif os.path.exists(partial):
            partial.unlink()
        for parent in new_parents:  # only those that stayed empty can be removed
            with suppress(OSError):
                parent.rmdir()


def _replace(target: Path, partial: Path) -> None:
    if not partial.is_dir():
        os.replace(partial, target)
        return
    old = partial.with_suffix(".old")
    with suppress(FileNotFoundError):
        os.rename(target, old)  # a folder cannot be renamed over a folder that holds something
    try:
        os.rename(partial, target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            if old.exists():
                os.rename(old, target)
            raise
        # another process put the same run in place first, and its folder stays
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def exit_on_error() -> Iterator[None]:
    """End a command with the words of a `UserError`, as exit code 1."""
    try:
        yield
    except UserError as error:
        sys.exit(str(error))


def write_json(target: Path, content: object) -> None:
    """Write `content` as indented JSON, atomically."""
    with atomic(target) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def digest(file: Path) -> str:
    """SHA-256 of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def put_between(target: Path, begin: str, end: str, make: Callable[[], str]) -> None:
    """Replace what stands between two marks of a text file by the text that `make` returns.
    Raises `UserError`, before `make` is called, unless each mark stands in the file exactly once."""
    text = target.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        raise UserError(f"{target} must hold the lines {begin!r} and {end!r} once each. Put them back.")
    before, rest = text.split(begin)
    with atomic(target) as partial:
        partial.write_text(f"{before}{begin}\n\n{make()}\n\n{end}{rest.split(end)[1]}", encoding="utf-8")


def versions() -> dict[str, str]:
    """Versions of the packages that numbers depend on."""
    return {name: importlib.metadata.version(name) for name in ("adc", "torch", "numpy", "scipy", "pandas")}


def arithmetic() -> dict:
    """What decides the last bits of a sum on this machine: processor, the kernels that NumPy's, SciPy's and
    PyTorch's libraries chose for it, and threads. `mkl` is what MKL was asked to be, as it does not say."""
    import torch  # late, as whoever writes files need not load these
    from threadpoolctl import threadpool_info

    libraries = [lib for lib in threadpool_info() if lib["user_api"] == "blas"]
    kernels = {f"{lib['internal_api']} {lib['version']} {lib.get('architecture', '')}" for lib in libraries}
    return {
        "machine": f"{platform.system()} {platform.machine()}",
        "blas": sorted(kernels),
        "torch": torch.backends.cpu.get_cpu_capability(),
        "mkl": os.environ.get("MKL_CBWR", ""),
        "threads": torch.get_num_threads(),
    }
