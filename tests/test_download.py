"""The archive of raw reviews fetched from a loopback server that drops, stalls, lies and cuts short."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from archives import CONTENT, GOOD, everything, home, packed, place  # noqa: F401

from adc import paths
from adc.data import amazon
from adc.errors import UserError

# --- a server on loopback


class Server:
    """Answers the n-th request with the n-th of `acts`, and every later one with the last; notes the ranges asked for.

    Acts: "whole"; "part" (honours a range); "drop", "part drop" (closes half-way through the body); "short" (the same,
    but without having told a length); "stall" (sends half, then nothing); "gzip" (labels the archive as packed for
    transport); "page" (a web page instead); "wrong part" (not what was asked for); "small part" (150 kB of it); or a
    status such as "404".
    """

    def __init__(self):
        self.acts, self.ranges, self.body, self.done = ["whole"], [], GOOD, threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/{amazon.ARCHIVE}"

    def answer(self, request):
        act = self.acts[min(len(self.ranges), len(self.acts) - 1)]
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        assert request.headers["Accept-Encoding"] == "identity"
        request.close_connection = True
        if act.isdigit():
            return request.send_error(int(act))
        body, start = (b"<html>sorry</html>" if act == "page" else self.body), 0
        if asked and "part" in act:
            start = int(asked.removeprefix("bytes=").removesuffix("-")) + ("wrong" in act)
        end = min(len(body), start + 150_000) if act == "small part" and start else len(body)
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(body)}")
        if act == "gzip":
            request.send_header("Content-Encoding", "gzip")
        if act != "short":
            request.send_header("Content-Length", str(end - start))
        request.end_headers()
        rest = body[start:end]
        request.wfile.write(rest[: len(rest) // 2] if act.split()[-1] in ("drop", "stall", "short") else rest)
        if act == "stall":
            self.done.wait(10)

    def close(self):
        self.done.set()
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def fetch(*servers, timeout=(2, 0.3)) -> Path:
    return amazon.download(tuple(server.url for server in servers), timeout=timeout, pause=0)


def test_a_download_is_whole_and_its_hash_recorded(server):
    archive = fetch(server)
    assert archive == paths.raw("amazon") / "unprocessed.tar.gz" and archive.read_bytes() == GOOD
    assert sorted(path.name for path in archive.parent.iterdir()) == ["unprocessed.tar.gz", "unprocessed.tar.gz.sha256"]
    assert amazon.checked(archive) in archive.with_name("unprocessed.tar.gz.sha256").read_text()
    fetch(server)
    assert server.ranges == [None]  # the second call asked for nothing


def test_an_archive_put_there_by_hand_is_used_as_it_is(server):
    place(GOOD)
    assert fetch(server).read_bytes() == GOOD and not server.ranges
    amazon.ratings()


def test_a_changed_archive_is_refused(server):
    archive = fetch(server)
    place(packed(CONTENT | {"more": b""}))
    with pytest.raises(UserError, match=r"unprocessed.tar.gz has changed.*delete unprocessed.tar.gz.sha256"):
        amazon.ratings()
    archive.with_name("unprocessed.tar.gz.sha256").unlink()
    amazon.ratings()
    assert archive.with_name("unprocessed.tar.gz.sha256").exists()


def test_a_dropped_connection_is_taken_up_where_it_broke(server):
    server.acts = ["drop", "part drop", "part"]
    assert fetch(server).read_bytes() == GOOD
    starts = [int(asked.strip("bytes=-")) for asked in server.ranges[1:]]
    assert 0 < starts[0] < starts[1] < len(GOOD)


def test_a_server_that_sends_less_than_the_range_is_asked_for_the_rest(server):
    server.acts = ["drop", "small part"]
    assert fetch(server).read_bytes() == GOOD and len(server.ranges) == 3


def test_a_part_that_was_not_asked_for_is_not_taken(server):
    server.acts = ["drop", "wrong part"]
    with pytest.raises(UserError, match="it sent another part"):
        fetch(server)


def test_a_place_that_sends_nothing_is_tried_once(monkeypatch):
    asked = []

    def refuse(url, partial, timeout):
        asked.append(url)
        raise requests.ConnectionError("refused")

    monkeypatch.setattr(amazon, "_receive", refuse)
    with pytest.raises(UserError, match="one: refused; two: refused"):
        amazon.download(("one", "two"), pause=0)
    assert asked == ["one", "two"]


def test_without_ranges_a_dropped_download_starts_anew(server):
    server.acts = ["drop", "whole"]
    assert fetch(server).read_bytes() == GOOD and len(server.ranges) == 2


def test_a_server_that_always_drops_is_given_up(server):
    server.acts = ["drop"]
    with pytest.raises(UserError, match="Could not download"):
        fetch(server)
    assert len(server.ranges) == 1 + amazon.TRIES


def test_an_archive_labelled_as_packed_for_transport_is_kept_packed(server):
    server.acts = ["gzip"]
    assert fetch(server).read_bytes() == GOOD


@pytest.mark.parametrize("act", ["404", "500", "stall", "drop", "page", "wrong part"])
def test_where_one_place_fails_the_second_serves(server, act):
    server.acts = ["drop", "wrong part"] if act == "wrong part" else [act]
    second = Server()
    try:
        assert fetch(server, second).read_bytes() == GOOD
        assert second.ranges == [None]  # nothing of the first place's is built upon
    finally:
        second.close()


def test_when_all_places_fail_each_is_named_with_its_reason_and_nothing_is_left(server, home):
    before = everything(home)
    server.acts = ["404"]
    gone = Server()
    gone.close()
    with pytest.raises(UserError) as error:
        amazon.download((server.url, gone.url), timeout=(1, 1), pause=0)
    message = str(error.value)
    assert f"{server.url}: 404" in message and f"{gone.url}: " in message and "refused" in message
    assert f"put it at {paths.raw('amazon') / 'unprocessed.tar.gz'}" in message
    assert everything(home) == before


def test_a_stall_ends_at_the_time_out(server, home):
    server.acts = ["stall"]  # after 10 s the server would hang up, with another message
    with pytest.raises(UserError, match="timed out"):
        fetch(server, timeout=(1, 0.1))
    assert not everything(home)


def test_a_body_cut_short_that_no_length_betrays_is_noticed_in_reading(server):
    server.acts = ["short"]
    fetch(server)
    with pytest.raises(UserError, match=r"damaged.*Delete it"):
        amazon.ratings()


def test_a_full_disk_is_named_and_nothing_is_left(server, home, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(amazon, "_receive", full)
    with pytest.raises(UserError, match="disk is full"):
        fetch(server)
    assert not everything(home)
