"""The fetcher's gate: each rule is met by a page that only that rule keeps out. The resolver and `connect` are hooked, and a
loopback server stands in for the web; no packet leaves the machine, and nothing but loopback is ever connected to."""

from __future__ import annotations

import gzip
import socket
import time

import pytest

from ftapp import fetching
from tests.web import HTML, OTHER, PUBLIC, refused


def test_a_public_page_is_fetched_from_the_address_that_was_judged(web):
    web.pages["/cook?id=1"] = web.pages["/cook"]
    page = fetching.fetch("http://jobs.example/cook?id=1#part")
    assert (page.html, page.charset, page.url) == (HTML, "iso-8859-15", "http://jobs.example/cook?id=1#part")
    assert web.resolved == ["jobs.example"], "resolved once"
    assert web.connected == [(PUBLIC, 80)], "the judged address, on the port of the scheme"
    assert web.asked[0]["Host"] == "jobs.example" and web.asked[0]["path"] == "/cook?id=1"


DENIED = """0.0.0.1 10.1.2.3 100.64.0.1 100.127.255.254 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.5
    192.168.1.1 198.18.0.1 198.19.255.1 198.51.100.7 203.0.113.9 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 168.63.129.16
    :: ::1 ::7f00:1 ::8.8.8.8 ::ffff:10.0.0.1 ::ffff:7f00:1 64:ff9b::a00:1 64:ff9b::8.8.8.8 64:ff9b:1::1 100::1 2001::1 2001:1ff::1
    2001:db8::1 2002:7f00:1:: 2002:808:808:: fc00::1 fd12::1 fe80::1 fe80::1%2 fec0::1 ff02::1""".split()
ALLOWED = """93.184.215.14 8.8.8.8 11.0.0.1 100.63.255.255 100.128.0.1 172.15.255.255 172.32.0.1 192.0.1.1 198.17.0.1 198.20.0.1
    223.255.255.255     168.63.129.17 2606:2800:220::1 2a00:1450::1 ::ffff:8.8.8.8 2003::1""".split()


@pytest.mark.parametrize("address", DENIED)
def test_no_private_or_special_address_is_connected_to(web, address):
    web.names["jobs.example"] = [address]
    refused("http://jobs.example/cook", "private network")
    assert not web.connected


@pytest.mark.parametrize("address", ALLOWED)
def test_neighbours_of_the_denied_ranges_are_public(address):
    assert fetching.is_public(address)


@pytest.mark.parametrize("network", fetching.DENIED, ids=str)
def test_each_line_of_the_list_is_needed(monkeypatch, network):
    """Without its line the last address of a range would pass, unless a wider line holds it too."""
    last, kept = str(network[-1]), tuple(n for n in fetching.DENIED if n != network)
    wider = any(n.version == network.version and network.subnet_of(n) for n in kept)
    assert not fetching.is_public(last)
    monkeypatch.setattr(fetching, "DENIED", kept)
    assert fetching.is_public(last) is not wider


def test_one_private_address_among_public_ones_spoils_all(web):
    web.names["jobs.example"] = [PUBLIC, "10.0.0.1"]
    refused("http://jobs.example/cook", "private network")
    web.names["jobs.example"] = ["2606:2800:220::1", "::ffff:192.168.0.1"]
    refused("http://jobs.example/cook", "private network")
    assert not web.connected


def test_the_name_cannot_change_its_address_after_it_was_judged(web):
    """DNS rebinding: a second answer, if anyone asked for it, would be the loopback address."""
    web.before_connect = lambda where: web.names.update({"jobs.example": ["127.0.0.1"]})
    assert fetching.fetch("http://jobs.example/cook").html == HTML
    assert web.connected == [(PUBLIC, 80)] and len(web.resolved) == 1


def test_the_next_address_is_tried_when_one_does_not_answer(web):
    web.names["jobs.example"] = ["2606:2800:220::1", PUBLIC]
    assert fetching.fetch("http://jobs.example/cook").html == HTML
    assert [where for where, _ in web.connected] == ["2606:2800:220::1", PUBLIC]


NUMBERS = ["127.0.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "8.8.8.8",
           "１２７.０.０.１",
           "127。0。0。1", "a.0x7f", "jobs.example.1", "127.0.0.1."]  # fmt: skip


@pytest.mark.parametrize("host", NUMBERS)
def test_numbers_in_any_spelling_are_no_host(web, host):
    web.names |= {host.strip("[]."): [PUBLIC], "127.0.0.1": [PUBLIC]}
    refused(f"http://{host}/cook", "number")
    assert not web.resolved and not web.connected


@pytest.mark.parametrize("url", ["http://me:secret@jobs.example/cook", "http://jobs.example@evil.example/", "http://@jobs.example/cook"])
def test_user_names_in_the_address_are_refused_and_not_repeated(web, url):
    assert "secret" not in refused(url, "user name")
    assert not web.resolved


@pytest.mark.parametrize("url", ["ftp://jobs.example/x", "file:///etc/passwd", "gopher://jobs.example/", "jobs.example/cook", "http://",
    "http:///x",
                                 "javascript:alert(1)", "http://jobs.example\\@evil.example/", "http://jobs.example/a b",
                                 "http://jobs.ex\tample/",
                                 "http://[::1/", "http://jobs.example:99999/", "http://-a.example/", "http://a..b/",
                                 "http://%6aobs.example/",
                                 "http://" + "a." * 140 + "example/"])  # fmt: skip
def test_what_is_no_plain_web_address_is_refused_before_anything_is_asked(web, url):
    refused(url)
    assert not web.resolved and not web.connected


@pytest.mark.parametrize("port", [22, 25, 81, 8080, 0])
def test_only_the_web_s_own_ports(web, port):
    refused(f"http://jobs.example:{port}/cook", f"port {port}")
    assert not web.resolved


def test_the_usual_ports_may_be_named(web):
    assert fetching.fetch("http://jobs.example:443/cook").html == HTML
    assert web.connected == [(PUBLIC, 443)] and web.asked[0]["Host"] == "jobs.example:443"


def test_names_beyond_ascii(web):
    web.names["xn--bckerei-5wa.example"] = [PUBLIC]
    assert fetching.fetch("http://Bäckerei.example/cook").html == HTML
    assert web.asked[0]["Host"] == "xn--bckerei-5wa.example"


# --- redirects -------------------------------------------------------------------------------------------------------------


def moved(to: str, status: int = 302) -> tuple:
    return (status, {"Location": to}, b"")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_and_judged_again(web, status):
    web.names["new.example"] = [OTHER]
    web.pages["/old"] = moved("//new.example/cook", status)
    page = fetching.fetch("http://jobs.example/old")
    assert page.url == "http://new.example/cook" and web.connected == [(PUBLIC, 80), (OTHER, 80)]


@pytest.mark.parametrize("to, word", [("http://inside.example/cook", "private network"), ("http://127.0.0.1/cook", "number"),
    ("file:///etc/passwd", ""),
                                      ("http://jobs.example:8080/cook", "8080"), ("http://a:b@jobs.example/cook",
                                      "user name")])  # fmt: skip
def test_a_redirect_opens_no_other_door(web, to, word):
    web.names["inside.example"] = ["10.0.0.1"]
    web.pages["/old"] = moved(to)
    refused("http://jobs.example/old", word)
    assert web.connected == [(PUBLIC, 80)]


def test_three_redirects_and_no_more(web):
    for n in range(1, 5):
        web.pages[f"/{n}"] = moved(f"/{n + 1}" if n < 4 else "/cook")
    assert fetching.fetch("http://jobs.example/2").html == HTML
    web.connected.clear()
    refused("http://jobs.example/1", "more than 3 times")
    assert len(web.connected) == 4


# --- what comes back -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["application/pdf", "text/plain", "application/json", "image/svg+xml", "application/xhtml+xml", None])
def test_only_html_is_read(web, kind):
    web.pages["/cook"] = (200, {"Content-Type": kind} if kind else {}, HTML)
    refused("http://jobs.example/cook", "no web page")


@pytest.mark.parametrize("status, word", [(404, "404"), (500, "500"), (403, "people only"), (429, "people only"), (204, "204")])
def test_other_answers_are_told(web, status, word):
    web.pages["/cook"] = (status, {"Content-Type": "text/html"}, b"")
    refused("http://jobs.example/cook", word)


def test_two_megabytes_and_no_more(web, monkeypatch):
    monkeypatch.setattr(fetching, "MOST_BYTES", 300_000)
    web.pages["/cook"] = (200, {"Content-Type": "text/html"}, b"x" * 300_000)
    assert len(fetching.fetch("http://jobs.example/cook").html) == 300_000
    sent = []

    def endless(out):
        while len(sent) < 1000:
            out.write(b"x" * 65_536)
            sent.append(1)

    web.pages["/cook"] = (200, {"Content-Type": "text/html"}, endless)
    refused("http://jobs.example/cook", "sent more than")
    assert len(sent) < 1000, "read to the end"


def test_the_limits_are_those_promised():
    assert (fetching.MOST_BYTES, fetching.MOST_SECONDS, fetching.MOST_REDIRECTS, fetching.PORTS) == (2_000_000, 10, 3, (80, 443))


def test_gzip_is_unpacked_and_a_bomb_is_not(web):
    packed = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    web.pages["/cook"] = (200, packed, gzip.compress(HTML))
    assert fetching.fetch("http://jobs.example/cook").html == HTML
    web.pages["/cook"] = (200, packed, gzip.compress(b"x" * 50_000_000))
    refused("http://jobs.example/cook", "sent more than 2 MB")
    web.pages["/cook"] = (200, packed, gzip.compress(HTML)[:-12])
    refused("http://jobs.example/cook", "broke off")
    web.pages["/cook"] = (200, packed, b"no gzip at all")
    refused("http://jobs.example/cook", "broke off")
    web.pages["/cook"] = (200, packed | {"Content-Encoding": "br"}, HTML)
    refused("http://jobs.example/cook", "packing")


def test_a_page_cut_short_is_not_taken_for_whole(web):
    web.pages["/cook"] = (200, {"Content-Type": "text/html", "Content-Length": "500"}, HTML)
    refused("http://jobs.example/cook", "broke off")


def drip(out) -> None:
    for _ in range(100):
        out.write(b"x")
        time.sleep(0.05)


def test_a_server_that_drips_gains_no_time(web, monkeypatch):
    """Each byte comes well within any wait for one byte; the whole has one deadline."""
    monkeypatch.setattr(fetching, "MOST_SECONDS", 0.6)
    for headers in ({"Content-Type": "text/html"}, {"Content-Type": "text/html", "Content-Length": "100"}):
        web.pages["/cook"] = (200, headers, drip)
        start = time.monotonic()
        refused("http://jobs.example/cook", "did not answer within")
        assert time.monotonic() - start < 1.5


def test_a_slow_name_service_gains_no_time(web, monkeypatch):
    monkeypatch.setattr(fetching, "MOST_SECONDS", 0.3)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1) or [])
    start = time.monotonic()
    refused("http://jobs.example/cook", "did not answer within")
    assert time.monotonic() - start < 1.5 and not web.connected


def test_redirects_share_one_deadline(web, monkeypatch):
    monkeypatch.setattr(fetching, "MOST_SECONDS", 0.5)
    web.before_connect = lambda where: time.sleep(0.2)
    for n in range(1, 4):
        web.pages[f"/{n}"] = moved(f"/{n + 1}" if n < 3 else "/cook")
    refused("http://jobs.example/1", "did not answer within")


def test_no_proxy_of_the_environment_is_used(web, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    fetching.fetch("http://jobs.example/cook")
    assert web.connected == [(PUBLIC, 80)] and web.asked[0]["path"] == "/cook"


def test_offline_asks_nobody(web):
    refused("http://jobs.example/cook", "offline", offline=True)
    assert not web.resolved and not web.connected


def test_unknown_names_and_closed_doors_are_told_without_the_path(web):
    said = refused("http://nowhere.example/my-secret-path", "name service")
    assert "secret" not in said

    def closed(where):
        raise ConnectionRefusedError

    web.before_connect = closed
    assert "secret" not in refused("http://jobs.example/my-secret-path", "could not be reached")


def test_urls_are_told_from_text():
    assert fetching.is_url(" https://jobs.example/a?b=1 ") and fetching.is_url("HTTP://x.example")
    assert not fetching.is_url("see https://jobs.example") and not fetching.is_url("posting.txt") and not fetching.is_url("")


def test_the_gate_can_be_seen_to_fail(web, monkeypatch):
    """With the list switched off the same address is connected to: the tests above look at the right thing."""
    web.names["jobs.example"] = ["10.0.0.1"]
    monkeypatch.setattr(fetching, "DENIED", ())
    assert fetching.fetch("http://jobs.example/cook").html == HTML and web.connected == [("10.0.0.1", 80)]
