"""TLS, client certificates and basic auth, by a web config file."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

import bcrypt
import pytest

from tests.support.client import connect, fetch, request
from tests.support.process import Start, Worker
from tests.support.prometheus import configured
from tests.support.waiting import eventually
from tests.support.web import PASSWORD, USER, Files, authorization, fetch_tls


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def started(serve: Start, files: Files) -> Worker:
    return serve("logs.py", DYN_SYSTEM_WEB_CONFIG=str(files.path))


def refused(address: str, context: ssl.SSLContext) -> bool:
    """Whether the server ends the handshake, or the connection right after it."""
    try:
        fetch_tls(address, context)
    except (ssl.SSLError, ConnectionError):
        return True
    return False


def test_prometheus_scrapes_with_a_certificate_and_a_password(serve: Start, files: Files) -> None:
    files.write(
        {USER: PASSWORD},
        client_ca_file="ca.pem",
        client_auth_type="RequireAndVerifyClientCert",
        min_version="TLS13",
    )
    worker = started(serve, files)
    job = {
        "job_name": "worker",
        "scheme": "https",
        "static_configs": [{"targets": [worker.address]}],
        "tls_config": {
            "ca_file": files / "ca.pem",
            "cert_file": files / "client.pem",
            "key_file": files / "client.key",
        },
        "basic_auth": {"username": USER, "password": PASSWORD},
    }
    times = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    with configured({"global": times, "scrape_configs": [job]}, files.folder) as server:
        server.wait_for_a_scrape()
        assert server.value("dynamo_component_uptime_seconds") > 0


@pytest.mark.parametrize(
    ("client_auth_type", "let_in"),
    [
        ("NoClientCert", {None, "client", "stranger"}),
        ("RequestClientCert", {None, "client", "stranger"}),
        ("RequireAnyClientCert", {"client", "stranger"}),
        ("VerifyClientCertIfGiven", {None, "client"}),
        ("RequireAndVerifyClientCert", {"client"}),
    ],
)
def test_client_certificates_are_asked_for_as_in_go(
    serve: Start, files: Files, client_auth_type: str, let_in: set[str | None]
) -> None:
    verifies = "Verify" in client_auth_type
    ca = {"client_ca_file": "ca.pem"} if verifies else {}
    files.write(client_auth_type=client_auth_type, **ca)
    worker = started(serve, files)
    clients = {
        client
        for client in (None, "client", "stranger")
        if not refused(worker.address, files.context(client))
    }
    assert clients == let_in


def test_only_certificates_with_an_allowed_name_are_let_in(serve: Start, files: Files) -> None:
    files.write_certificate("client", files.ca.issue_cert("prometheus.example.org"))
    files.write_certificate("stranger", files.ca.issue_cert("other.example.org"))
    files.write(
        client_auth_type="RequireAndVerifyClientCert",
        client_ca_file="ca.pem",
        client_allowed_sans=["prometheus.example.org"],
    )
    worker = started(serve, files)
    assert fetch_tls(worker.address, files.context("client"), "/live").status == 200
    assert refused(worker.address, files.context("stranger"))


def test_a_password_is_needed_on_every_route(serve: Start, files: Files) -> None:
    files.write({USER: PASSWORD})
    worker = started(serve, files)
    context = files.context()
    for path in ("/metrics", "/health", "/live", "/", "/elsewhere"):
        for headers in (
            {},
            authorization(password="wrong"),
            authorization("nobody"),
            {"Authorization": "Bearer x"},
        ):
            answer = fetch_tls(worker.address, context, path, headers)
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert fetch_tls(worker.address, context, "/live", authorization()).status == 200


def test_versions_outside_the_range_are_refused(serve: Start, files: Files) -> None:
    files.write(min_version="TLS13")
    worker = started(serve, files)
    older = files.context()
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    assert refused(worker.address, older)
    assert fetch_tls(worker.address, files.context(), "/live").status == 200


def test_only_the_named_cipher_suites_of_tls_1_2_are_taken(serve: Start, files: Files) -> None:
    files.write(
        max_version="TLS12",
        cipher_suites=["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
        prefer_server_cipher_suites=True,
    )
    worker = started(serve, files)
    for cipher, is_taken in (
        ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", False),
    ):
        context = files.context()
        context.set_ciphers(cipher)
        assert refused(worker.address, context) is not is_taken


def test_http_on_the_port_of_tls_gets_400(serve: Start, files: Files) -> None:
    files.write()
    worker = started(serve, files)
    answer = fetch(worker.address, "/live")
    assert answer.status == 400
    assert answer.text == "this port speaks HTTPS: use https://\n"


def test_headers_of_the_file_are_on_every_response(serve: Start, files: Files) -> None:
    files.path.write_text(
        "http_server_config:\n"
        "  http2: true\n"
        "  headers:\n"
        "    Strict-Transport-Security: max-age=31536000\n"
        "    X-Frame-Options: deny\n"
    )
    worker = started(serve, files)
    for path in ("/live", "/elsewhere"):
        headers = fetch(worker.address, path).headers
        assert headers["Strict-Transport-Security"] == "max-age=31536000"
        assert headers["X-Frame-Options"] == "deny"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_new_password_and_a_new_certificate_count_without_a_restart(
    serve: Start, files: Files
) -> None:
    files.write({USER: PASSWORD})
    worker = started(serve, files)
    context = files.context()

    def status(password: str) -> int:
        headers = authorization(password=password)
        return fetch_tls(worker.address, context, "/live", headers).status

    assert status(PASSWORD) == 200
    files.write({USER: "another"})
    eventually(lambda: status("another") == 200 or None)
    assert status(PASSWORD) == 401

    def certificate() -> str:
        host, port = worker.address.rsplit(":", 1)
        return ssl.get_server_certificate((host, int(port)))

    before = certificate()
    files.write_server_certificate()
    eventually(lambda: certificate() != before or None)


@pytest.mark.parametrize(
    "content",
    ["", "basic_auth_users: [", "tls_server_config:\n  cert_file: gone.pem\n"],
    ids=["empty", "torn", "no certificate"],
)
def test_a_change_that_is_not_valid_keeps_the_file_before_it(
    serve: Start, files: Files, content: str
) -> None:
    files.write({USER: PASSWORD})
    worker = started(serve, files)
    context = files.context()
    files.replace(content)

    def is_logged() -> bool | None:
        assert fetch_tls(worker.address, context, "/live").status == 401
        return "ERROR the web config was not read again" in worker.errors or None

    eventually(is_logged)
    assert fetch_tls(worker.address, context, "/live", authorization()).status == 200
    assert worker.errors.count("was not read again") == 1
    assert str(files.path) in worker.errors


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nothing: 1\n", ":1: "),
        ("\nbasic_auth_users:\n  a: plain\n", ":3: basic_auth_users.a: is not a bcrypt hash"),
        (
            "tls_server_config:\n  cert_file: server.pem\n  key_file: gone.key\n",
            ":3: tls_server_config.key_file: cannot read ",
        ),
        (
            "tls_server_config:\n  cert_file: server.pem\n  key_file: client.key\n",
            ":3: tls_server_config.key_file: ",
        ),
        (
            "tls_server_config:\n  cert_file: server.key\n  key_file: server.key\n",
            ":2: tls_server_config.cert_file: ",
        ),
        (
            "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
            "  client_auth_type: Sometimes\n",
            ":4: tls_server_config.client_auth_type: Sometimes is unknown: use NoClientCert, ",
        ),
        (
            "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
            "  client_auth_type: RequireAndVerifyClientCert\n",
            ":4: tls_server_config.client_auth_type: needs client_ca_file",
        ),
        (
            "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
            "  prefer_server_cipher_suites: [1]\n",
            ":4: tls_server_config.prefer_server_cipher_suites: ",
        ),
        (
            "http_server_config:\n  headers:\n    Server: x\n",
            ":3: http_server_config.headers.Server",
        ),
    ],
)
def test_a_file_that_is_not_valid_fails_the_constructor_with_line_and_key(
    start: Start, files: Files, content: str, message: str
) -> None:
    files.path.write_text(content)
    worker = start(
        "bad_file.py",
        DYN_SYSTEM_PORT="0",
        DYN_SYSTEM_WEB_CONFIG=str(files.path),
    )
    line = worker.line()
    assert line.startswith("DYN_SYSTEM_WEB_CONFIG")
    assert f"{files.path}{message}" in line
    worker.assert_ends_cleanly()


def test_a_flood_of_wrong_passwords_keeps_no_scraper_waiting(serve: Start, files: Files) -> None:
    slow = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10)).decode()
    files.path.write_text(f"basic_auth_users:\n  {USER}: {slow}\n")
    worker = started(serve, files)
    assert fetch(worker.address, "/live", headers=authorization()).status == 200
    with contextlib.ExitStack() as flood:
        for number in range(100):
            client = flood.enter_context(connect(worker.address))
            client.sendall(request("/live", headers=authorization(password=str(number))))
        for _ in range(3):
            assert fetch(worker.address, "/live", headers=authorization()).status == 200


def test_a_server_that_is_open_to_all_says_so_once(serve: Start, files: Files) -> None:
    script = "open_to_all.py"
    open_to_all = "is open to every host"
    for settings, count in (
        ({"DYN_SYSTEM_HOST": "0.0.0.0"}, 1),
        ({"DYN_SYSTEM_HOST": "127.0.0.1"}, 0),
        ({"DYN_SYSTEM_HOST": "0.0.0.0", "DYN_SYSTEM_WEB_CONFIG": str(files.path)}, 0),
    ):
        files.write()
        worker = serve(script, **settings)
        worker.line()
        worker.exit_code()
        assert worker.errors.count(open_to_all) == count, settings
