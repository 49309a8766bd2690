"""The archive of raw reviews fetched from a loopback server that drops, stalls, lies and cuts short."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from archives import CONTENT, GOOD, packed, place
from tables import snapshot

from adc.errors import UserError
from companion import paths
from companion.data import amazon


class Server:
    """Answers the n-th request with the n-th of `acts`, later ones with the last; `ranges`: Range headers.

    Acts: "whole"; "part" (honours a range); "drop", "part drop" (closes half-way through the body); "short"
    (the same, but without a length); "stall" (sends half, then nothing); "gzip" (labels the archive as packed
    for transport); "page" (a web page instead); "wrong part" (another than the request's); "small part" (150
    kB of it); or a status such as "404".
    """

    def __init__(self):
        self.acts, self.ranges, self.done = ["whole"], [], threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        serve = {"target": self.http.serve_forever, "kwargs": {"poll_interval": 0.01}}
        threading.Thread(**serve, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/{amazon.ARCHIVE}"

    def answer(self, request):
        act = self.acts[min(len(self.ranges), len(self.acts) - 1)]
        wanted = request.headers.get("Range")
        self.ranges.append(wanted)
        assert request.headers["Accept-Encoding"] == "identity"
        request.close_connection = True
        if act.isdigit():
            return request.send_error(int(act))
        body, start = (b"<html>sorry</html>" if act == "page" else GOOD), 0
        if wanted and "part" in act:
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) + ("wrong" in act)
        end = min(len(body), start + 150_000) if act == "small part" and start else len(body)
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(body)}")
        if act == "gzip":
            request.send_header("Content-Encoding", "gzip")
        if act != "short":
            request.send_header("Content-Length", str(end - start))
        request.end_headers()
        half = act.split()[-1] in ("drop", "stall", "short")
        request.wfile.write(body[start : start + (end - start) // 2] if half else body[start:end])
        if act == "stall":
            self.done.wait(10)

    def close(self):
        self.done.set()
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    yield server
    server.close()


def fetch(*servers, timeout=(2, 0.3)) -> Path:
    return amazon.download(tuple(server.url for server in servers), timeout=timeout, pause=0)


def test_a_download_is_whole_and_used_again_and_its_hash_recorded(server):
    archive = fetch(server)
    assert archive == paths.raw("amazon") / "unprocessed.tar.gz" and archive.read_bytes() == GOOD
    _, report = amazon.ratings()
    record = archive.with_name("unprocessed.tar.gz.sha256")
    assert sorted(archive.parent.iterdir()) == [archive, record]
    assert record.read_text().split() == [report["sha256"], archive.name]
    fetch(server)
    assert server.ranges == [None]  # one request in all


def test_an_archive_put_there_by_hand_is_used_and_a_changed_one_refused(server):
    archive = place(GOOD)
    assert fetch(server).read_bytes() == GOOD and not server.ranges
    amazon.ratings()
    place(packed(CONTENT | {"more": b""}))
    with pytest.raises(UserError, match=r"unprocessed.tar.gz has changed.*delete unprocessed.tar.gz.sha256"):
        amazon.ratings()
    archive.with_name("unprocessed.tar.gz.sha256").unlink()
    amazon.ratings()
    assert archive.with_name("unprocessed.tar.gz.sha256").exists()


@pytest.mark.parametrize(("acts", "count"), [
    (["drop", "part drop", "part"], 3),  # taken up where it broke
    (["drop", "small part"], 3),  # the server sends less than the range: the rest is asked for
    (["drop", "whole"], 2),  # without ranges it starts anew
    (["gzip"], 1),  # labelled as packed for transport, it is kept packed
])  # fmt: skip
def test_an_awkward_server_still_gives_the_whole(server, acts, count):
    server.acts = acts
    assert fetch(server).read_bytes() == GOOD and len(server.ranges) == count
    starts = [int(wanted.strip("bytes=-")) for wanted in server.ranges[1:]]
    assert starts == sorted(set(starts)) and all(0 < start < len(GOOD) for start in starts)


@pytest.mark.parametrize(("acts", "count", "message"), [
    (["drop"], 1 + amazon.TRIES, "Could not download"), (["drop", "wrong part"], 2, "it sent another part"),
    (["stall"], 1 + amazon.TRIES, "timed out"),  # the server hangs up after 10 s only
    (["page"], 1, "no gzip file"),
])  # fmt: skip
def test_a_server_that_never_gives_the_whole_is_given_up(server, home, acts, count, message):
    server.acts = acts
    with pytest.raises(UserError, match=message):
        fetch(server, timeout=(1, 0.1))
    assert len(server.ranges) == count and not snapshot(home)


@pytest.mark.parametrize("act", ["404", "500", "stall", "drop", "page", "wrong part"])
def test_where_one_server_fails_the_second_serves(server, act):
    server.acts = ["drop", "wrong part"] if act == "wrong part" else [act]
    second = Server()
    try:
        assert fetch(server, second).read_bytes() == GOOD
        assert second.ranges == [None]  # nothing of the first server's is built upon
    finally:
        second.close()


def test_a_server_that_sends_nothing_is_tried_once(monkeypatch):
    urls = []

    def refuse(url, partial, timeout):
        urls.append(url)
        raise requests.ConnectionError("refused")

    monkeypatch.setattr(amazon, "_receive", refuse)
    with pytest.raises(UserError, match="one: refused; two: refused"):
        amazon.download(("one", "two"), pause=0)
    assert urls == ["one", "two"]


def test_when_all_servers_fail_each_is_named_with_its_reason_and_nothing_is_left(server, home):
    server.acts = ["404"]
    gone = Server()
    gone.close()
    with pytest.raises(UserError) as error:
        fetch(server, gone)
    message = str(error.value)
    assert f"{server.url}: 404" in message and f"{gone.url}: " in message and "refused" in message
    assert f"put it at {paths.raw('amazon') / 'unprocessed.tar.gz'}" in message
    assert not snapshot(home)


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
    assert not snapshot(home)
