"""The locks in requirements/: every group's versions with hashes, in step with pyproject.toml."""

import re
import tomllib

import pytest
import yaml
from conftest import GROUPS, ROOT


def pins(*groups: str) -> dict[str, set[str]]:
    """Versions of every package that the locks of some groups name."""
    text = "".join((ROOT / f"requirements/{group}.txt").read_text() for group in groups)
    versions = {}
    for name, version in re.findall(r"^([a-z0-9][a-z0-9._-]*)==([0-9][0-9A-Za-z.]*)(?= |$)", text, re.M):
        versions.setdefault(name, set()).add(version)
    return versions


@pytest.mark.parametrize("group", GROUPS)
def test_every_requirement_is_a_version_with_its_hashes(group):
    text = (ROOT / f"requirements/{group}.txt").read_text()
    entries = [entry for entry in re.split(r"\n(?! )", text) if entry and not entry.startswith("#")]
    hashes = r"( \\\n {4}--hash=sha256:[0-9a-f]{64})+\n?"
    plain = re.compile(r"[a-z0-9._-]+==[0-9][0-9A-Za-z.]*( ; [^\\\n]+)?" + hashes)
    assert entries and [entry for entry in entries if not plain.fullmatch(entry)] == []


def test_groups_name_a_package_once_and_agree_where_two_need_it():
    run = {*pins("run")}
    assert not run & {*pins(*GROUPS[1:], "torch"), "jupyterlab", "numba", "playwright"}
    twice = {name: versions for name, versions in pins(*GROUPS).items() if len(versions) > 1}
    assert set(twice) <= {"soupsieve"}  # another one on the first releases of Python 3.11


def test_every_direct_dependency_is_in_the_lock_of_its_group_and_adc_itself_needs_five():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == ["numpy", "pandas", "scipy", "torch", "tqdm"]
    extras = project["optional-dependencies"]
    assert tuple(extras) == GROUPS and not [n for names in extras.values() for n in names if "==" in n]
    for group, names in {**extras, "run": extras["run"] + project["dependencies"]}.items():
        known, direct = pins("run", "torch", group), [re.split(r"[<>=\[]", name)[0].lower() for name in names]
        assert [name for name in direct if name not in known] == []


def test_conda_brings_python_alone_and_its_packages_are_pips():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert dependencies == ["python=3.11", "pip"]
