"""Files that exist whole or not at all."""

import errno
import json
import os

import pytest

from adc import files
from adc.errors import UserError


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_whole(tmp_path):
    target = tmp_path / "deep" / "down" / "a.json"
    for content in ({"a": 1}, {"ü": [1, 2]}):
        files.write_json(target, content)
        assert json.loads(target.read_text(encoding="utf-8")) == content
    assert listing(target.parent) == ["a.json"]


def test_while_writing_the_old_file_stands(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with files.aside(target) as partial:
        partial.write_text("new")
        assert target.read_text() == "old" and partial.parent == tmp_path
    assert target.read_text() == "new"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, OSError])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(failure), files.aside(target) as partial:
        partial.write_text("half")
        raise failure()
    assert target.read_text() == "old" and listing(tmp_path) == ["a.txt"]


def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path):
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(ValueError), files.aside(target, folder=True) as partial:
        (partial / "new").touch()
        raise ValueError
    assert listing(tmp_path) == ["run"] and listing(target) == ["old"]


def test_a_folder_is_replaced_whole(tmp_path):
    target = tmp_path / "run"
    for name in ("old", "new"):
        with files.aside(target, folder=True) as partial:
            (partial / name).touch()
    assert listing(tmp_path) == ["run"] and listing(target) == ["new"]


def test_folders_made_on_the_way_go_again_when_nothing_came_of_them(tmp_path):
    with pytest.raises(ValueError), files.aside(tmp_path / "a" / "b" / "c.txt") as partial:
        partial.write_text("half")
        raise ValueError
    assert listing(tmp_path) == []


def test_two_writers_of_one_target_leave_one_of_the_two(tmp_path):
    target = tmp_path / "run"
    with files.aside(target, folder=True) as one:
        (one / "one").touch()
        with files.aside(target, folder=True) as two:
            assert one != two
            (two / "two").touch()
    assert listing(tmp_path) == ["run"] and listing(target) in (["one"], ["two"])


@pytest.mark.parametrize(
    ("number", "cure"),
    [(errno.ENOSPC, "disk is full"), (errno.EDQUOT, "quota"), (errno.EACCES, "ADC_HOME"), (errno.EROFS, "read-only")],
)
def test_what_the_reader_can_mend_is_said_in_words(tmp_path, number, cure):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(UserError, match=f"a.txt.*{cure}"), files.aside(target) as partial:
        partial.write_text("half")
        raise OSError(number, os.strerror(number))
    assert target.read_text() == "old" and listing(tmp_path) == ["a.txt"]


def test_a_file_in_the_place_of_a_folder_is_said_in_words(tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(UserError, match="a file stands where a folder is needed"):
        files.write_json(tmp_path / "data" / "a.json", {})


def test_what_json_cannot_hold_leaves_the_old_file(tmp_path):
    files.write_json(tmp_path / "a.json", {"a": 1})
    with pytest.raises(TypeError):
        files.write_json(tmp_path / "a.json", {"a": object()})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 1} and listing(tmp_path) == ["a.json"]
