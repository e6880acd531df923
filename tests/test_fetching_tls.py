"""Fetching over TLS: the name is greeted and proved, whatever address it was judged to have. On loopback only."""

from __future__ import annotations

import ssl
import subprocess

import pytest

from ftapp import fetching
from tests.web import HTML, PUBLIC, refused


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for jobs.example that is trusted when it is named as the authority."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-subj", "/CN=jobs.example",
                    "-addext", "subjectAltName=DNS:jobs.example"], check=True, capture_output=True)  # fmt: skip
    return folder


@pytest.fixture
def tls(web, certificate, monkeypatch):
    web.greeted = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    context.sni_callback = lambda _, name, __: web.greeted.append(name)
    web.server.socket = context.wrap_socket(web.server.socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    return web


def test_tls_greets_and_proves_the_name_not_the_address(tls):
    assert fetching.fetch("https://jobs.example/cook").html == HTML
    assert tls.greeted == ["jobs.example"] and tls.connected == [(PUBLIC, 443)]


def test_a_certificate_of_another_name_is_refused(tls):
    tls.names["other.example"] = [PUBLIC]
    refused("https://other.example/cook", "certificate")
    assert not tls.asked


def test_an_unknown_authority_is_refused(tls, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    refused("https://jobs.example/cook", "certificate")
    assert not tls.asked
