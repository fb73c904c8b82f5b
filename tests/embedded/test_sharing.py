import os
import signal
import time

from accord.embedded import EmbeddedServer, processes


def test_processes_on_one_folder_share_the_server_and_the_last_stops_it(start, another_process, server_name, tmp_path):
    first = another_process(server_name, tmp_path)
    url, pid = first.started()

    second: EmbeddedServer = start(server_name, tmp_path)

    assert (second.url, second.pid) == (url, pid)
    assert first.leave() == 0
    assert second.alive()
    second.stop()
    assert not second.alive()
    assert not processes.is_alive(pid)


def test_processes_that_start_at_once_on_a_fresh_folder_share_one_server(another_process, server_name, tmp_path):
    processes = [another_process(server_name, tmp_path) for _ in range(4)]

    assert len({process.started() for process in processes}) == 1
    assert [process.leave() for process in processes] == [0, 0, 0, 0]


def test_a_server_whose_owner_was_killed_is_adopted_and_then_stopped(start, another_process, server_name, tmp_path):
    owner = another_process(server_name, tmp_path)
    url, pid = owner.started()
    owner.kill()

    heir = start(server_name, tmp_path)

    assert (heir.url, heir.pid) == (url, pid)
    heir.stop()
    assert not processes.is_alive(pid)


def test_a_server_killed_together_with_its_owner_is_replaced(start, another_process, server_name, tmp_path):
    owner = another_process(server_name, tmp_path)
    url, pid = owner.started()
    os.kill(pid, signal.SIGKILL)
    owner.kill()
    while processes.is_alive(pid):
        time.sleep(0.01)

    heir = start(server_name, tmp_path)

    assert heir.alive()
    assert heir.pid != pid
    assert heir.url == url


def test_two_folders_run_side_by_side(start, server_name, tmp_path):
    one, two = (start(server_name, tmp_path / name) for name in ("one", "two"))

    assert one.pid != two.pid
    assert one.url != two.url
    one.stop()
    assert two.alive()


def test_the_address_and_the_credentials_are_for_this_user_only(start, server_name, tmp_path):
    data_dir = tmp_path / "new"
    server = start(server_name, data_dir)

    private = [data_dir / server_name / name for name in ("url", "log", "pid")]

    assert (data_dir / server_name / "url").read_text() == server.url
    assert [path.stat().st_mode & 0o077 for path in private] == [0, 0, 0]
    assert data_dir.stat().st_mode & 0o007 == 0


def test_stopping_twice_or_after_death_is_no_error(start, kill, server_name, tmp_path):
    server = start(server_name, tmp_path)
    kill(server)

    server.stop()
    server.stop()

    assert not server.alive()
