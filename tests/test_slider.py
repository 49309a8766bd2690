"""Several pictures of which a click shows one."""

import re

import matplotlib.pyplot as plt

from companion import figures


def test_every_picture_has_a_button_one_is_shown_and_names_are_text():
    pictures = {name: plt.figure() for name in ("γ = 0", "<b>γ</b>", "γ = 2")}
    first = figures.slider(pictures, "weights").data
    second = figures.slider({"a": plt.figure()}, "weights").data
    assert not plt.get_fignums() and "<b>" not in first and "&lt;b&gt;γ" in first
    assert first.count("<img ") == first.count('type="radio"') == 3 and first.count(" checked") == 1
    places = [re.search(r'<div id="([^"]+)"', text)[1] for text in (first, second)]
    assert places[0] != places[1]  # two on a page do not switch each other
    rules = re.findall(r"input:nth-of-type\((\d)\):checked ~ img:nth-of-type\((\d)\)", first)
    assert rules == [("1", "1"), ("2", "2"), ("3", "3")]
