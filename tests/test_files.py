"""Files that exist whole or not at all."""

import errno
import json
import os

import pytest

from adc.errors import UserError
from companion import files


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def old_file(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    return tmp_path / "a.txt"


@pytest.fixture
def old_folder(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "old").touch()
    return tmp_path / "run"


def test_a_file_is_replaced_whole_and_stands_until_then(tmp_path):
    target = tmp_path / "deep" / "down" / "a.json"
    for content in ({"a": 1}, {"ü": [1, 2]}):
        files.write_json(target, content)
        assert json.loads(target.read_text(encoding="utf-8")) == content
    with files.atomic(target) as partial:
        partial.write_text("new")
        assert json.loads(target.read_text(encoding="utf-8")) == content
    assert listing(target.parent) == ["a.json"] and target.read_text() == "new"


def test_a_folder_is_replaced_whole(old_folder):
    with files.atomic(old_folder, folder=True) as partial:
        (partial / "new").touch()
    assert listing(old_folder.parent) == ["run"] and listing(old_folder) == ["new"]


CURES = {errno.ENOSPC: "is full", errno.EDQUOT: "quota", errno.EACCES: "ADC_HOME", errno.EROFS: "read-only"}
FAILURES = [(failure(), failure, "^") for failure in (ValueError, KeyboardInterrupt, OSError)]
FAILURES += [(OSError(number, ""), UserError, f"a.txt.*{cure}") for number, cure in CURES.items()]


@pytest.mark.parametrize(("failure", "kind", "words"), FAILURES, ids=repr)
def test_a_failure_leaves_the_old_file_and_nothing_else_and_says_the_cure(old_file, failure, kind, words):
    with pytest.raises(kind, match=words), files.atomic(old_file) as partial:
        partial.write_text("half")
        raise failure
    assert old_file.read_text() == "old" and listing(old_file.parent) == ["a.txt"]


@pytest.mark.parametrize("step", ["write", "rename"])
def test_a_failure_leaves_the_old_folder_and_nothing_else(old_folder, monkeypatch, step):
    rename = os.rename

    def fail(source, target):
        if str(source).endswith(".partial"):
            raise OSError(errno.ENOSPC, "No space left on device")
        rename(source, target)

    with pytest.raises(UserError, match="disk is full"), files.atomic(old_folder, folder=True) as partial:
        (partial / "new").touch()
        if step == "write":
            raise OSError(errno.ENOSPC, "No space left on device")
        monkeypatch.setattr(os, "rename", fail)
    assert listing(old_folder.parent) == ["run"] and listing(old_folder) == ["old"]


def test_new_parent_folders_go_again_when_the_write_fails(tmp_path):
    with pytest.raises(ValueError), files.atomic(tmp_path / "a" / "b" / "c.txt") as partial:
        partial.write_text("half")
        raise ValueError
    assert listing(tmp_path) == []


def test_two_writers_of_one_target_leave_one_of_the_two(tmp_path):
    target = tmp_path / "run"
    with files.atomic(target, folder=True) as one:
        (one / "one").touch()
        with files.atomic(target, folder=True) as two:
            assert one != two
            (two / "two").touch()
    assert listing(tmp_path) == ["run"] and listing(target) in (["one"], ["two"])


def test_a_file_in_the_place_of_a_folder_is_a_user_error(old_file):
    with pytest.raises(UserError, match="a file stands where a folder is needed"):
        files.write_json(old_file / "a.json", {})
