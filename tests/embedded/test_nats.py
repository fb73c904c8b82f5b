import socket
import sys
from pathlib import Path

import nats as client
import pytest

from accord.embedded import nats


async def test_a_message_goes_round(start, tmp_path):
    server = start("nats", tmp_path)
    connection = await client.connect(server.url, connect_timeout=30)
    subscription = await connection.subscribe("greeting")

    await connection.publish("greeting", b"hello")

    assert (await subscription.next_msg(timeout=30)).data == b"hello"
    await connection.close()


def test_a_stranger_without_the_password_is_refused(start, tmp_path):
    port = start("nats", tmp_path).url.rsplit(":", 1)[1]

    # By hand, because the client library leaves a socket open when it is refused.
    with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as stranger:
        stranger.sendall(b"CONNECT {}\r\nPING\r\n")
        with stranger.makefile() as responses:
            greeting, refusal = responses.readline(), responses.readline()

    assert '"auth_required":true' in greeting
    assert "Authorization Violation" in refusal


def test_embedded_nats_listens_on_loopback_only(start, tmp_path):
    server = start("nats", tmp_path)

    assert server._config()["host"] == "127.0.0.1"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells which ports it gives to outgoing connections")
def test_no_outgoing_connection_takes_its_port_while_it_is_away(start, tmp_path):
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    port = int(start("nats", tmp_path).url.rpartition(":")[2])

    assert port in nats.PORTS
    assert nats.PORTS.stop <= first


def test_the_port_and_the_password_are_remembered(start, tmp_path):
    server = start("nats", tmp_path)
    url = server.url
    server.stop()

    assert start("nats", tmp_path).url == url


def test_a_remembered_port_that_was_taken_meanwhile_is_changed(start, tmp_path):
    server = start("nats", tmp_path)
    url = server.url
    server.stop()
    with socket.create_server(("127.0.0.1", int(url.rsplit(":", 1)[1]))):
        assert start("nats", tmp_path).url != url


def test_a_requested_port_is_used_or_named_in_the_error(tmp_path):
    port = nats._any_free_port()
    refusal = pytest.raises(nats.EmbeddedError, match=f"Port {port} for NATS is in use")
    with socket.create_server(("127.0.0.1", port)), refusal:
        nats.start(tmp_path / "one", port)

    server = nats.start(tmp_path / "two", port)

    assert server.url.endswith(f":{port}")
    server.stop()


def test_a_missing_package_says_what_to_install(tmp_path, monkeypatch):
    def missing(_: str) -> None:
        raise nats.metadata.PackageNotFoundError

    monkeypatch.setattr(nats.metadata, "files", missing)

    with pytest.raises(nats.EmbeddedError, match=r"pip install 'accord\[embedded\]'"):
        nats.start(tmp_path)
