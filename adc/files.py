"""Files that exist whole or not at all."""

import errno
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from adc.errors import UserError

_CURES = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again",
    errno.EDQUOT: "the disk quota is used up; free some space and run the same command again",
    errno.EACCES: "no permission to write there; make the folder writable or set ADC_HOME to one that is",
    errno.EPERM: "no permission to write there; make the folder writable or set ADC_HOME to one that is",
    errno.ENOTDIR: "a file stands where a folder is needed; move it away or set ADC_HOME to another folder",
    errno.EEXIST: "a file stands where a folder is needed; move it away or set ADC_HOME to another folder",
    errno.EROFS: "that file system is read-only; set ADC_HOME to a folder that can be written",
}


@contextmanager
def aside(target: Path, folder: bool = False) -> Iterator[Path]:
    """Write beside `target`, then rename into place; on any failure nothing is left behind.

    Yields the temporary path to write (already made when `folder`). What stood at `target` is
    replaced. A full disk or a missing permission becomes a `UserError`.
    """
    target = Path(target)
    partial = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.partial")
    absent = [parent for parent in target.parents if not os.path.exists(parent)]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            partial.mkdir()
        yield partial
        _into_place(partial, target)
    except OSError as error:
        if error.errno not in _CURES:
            raise
        raise UserError(
            f"Could not write {target}: {_CURES[error.errno]}. What was there before is unchanged."
        ) from error
    finally:
        if os.path.isdir(partial):
            shutil.rmtree(partial, ignore_errors=True)
        elif os.path.exists(partial):
            partial.unlink()
        for parent in absent:  # folders made for a target that did not come about; one that holds something stays
            with suppress(OSError):
                parent.rmdir()


def _into_place(partial: Path, target: Path) -> None:
    if not partial.is_dir():
        os.replace(partial, target)
        return
    old = partial.with_suffix(".old")
    try:
        os.rename(target, old)  # a folder cannot be renamed over a folder that holds something
    except FileNotFoundError:
        pass
    try:
        os.rename(partial, target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            if old.exists():
                os.rename(old, target)
            raise
        # another process put the same run in place first: theirs stands
    shutil.rmtree(old, ignore_errors=True)


def write_json(target: Path, content: object) -> None:
    """Write `content` as readable JSON, aside and then into place."""
    with aside(target) as partial:
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False, sort_keys=False) + "\n", encoding="utf-8")


def put_between(target: Path, begin: str, end: str, make: Callable[[], str]) -> None:
    """Put what `make` gives between two marks of a file, in place of what stood there. A `UserError`, before anything is made,
    where the marks are not there once each.
    """
    text = target.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        raise UserError(f"{target} must hold the lines {begin!r} and {end!r} once each; put them back where the tables belong.")
    before, rest = text.split(begin)
    with aside(target) as partial:
        partial.write_text(f"{before}{begin}\n\n{make()}\n\n{end}{rest.split(end)[1]}", encoding="utf-8")
