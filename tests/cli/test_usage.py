"""What is typed wrongly is told with the usage of the command that was meant, and status 2."""

import subprocess
import sys

import pytest

from accord.cli.main import main


@pytest.mark.parametrize(
    ("typed", "usage", "reason"),
    [
        ("serve --prot 9000", "accord serve [-h]", "--prot 9000; is --port meant?"),
        ("serve --datadir=x", "accord serve [-h]", "--datadir=x; is --data-dir meant?"),
        ("serve 9000", "accord serve [-h]", "unrecognized arguments: 9000"),
        ("gateway --frot 1", "accord gateway [-h]", "unrecognized arguments: --frot 1"),
        ("worker --host ::1", "accord worker [-h]", "unrecognized arguments: --host ::1"),
        ("doctor --fix", "accord doctor [-h]", "unrecognized arguments: --fix"),
        ("db upgrade now", "accord db upgrade [-h]", "unrecognized arguments: now"),
        ("db seed --email a@example.com --name A", "accord db seed [-h]", "--name A"),
        ("journal verify --all", "accord journal verify [-h]", "unrecognized arguments: --all"),
        ("journal prune --before soon", "accord journal prune [-h]", "'soon' is no day such as 2026-01-01"),
        ("inbox --wait nan", "accord inbox [-h]", "'nan' is no number of seconds such as 20"),
        ("inbox --wait soon", "accord inbox [-h]", "'soon' is no number of seconds such as 20"),
        ("jobs list --state asleep", "accord jobs list [-h]", "invalid choice: 'asleep'"),
        ("jobs retry", "accord jobs retry [-h]", "the following arguments are required: task"),
        ("jobs run aTask --args []", "accord jobs run [-h]", "'[]' is no JSON object"),
        ("new greetings greetSomebody", "accord new [-h]", "For example: accord new greetings greetSomebody --method"),
        ("new --job remindOfNote", "accord new --job [-h]", "For example: accord new --job remindOfNote --domain"),
        ("new record tasks", "accord new record [-h]", "For example: accord new record tasks title:text"),
        ("contract generat", "accord contract [-h]", "invalid choice: 'generat'"),
        ("settings", "accord settings [-h]", "the following arguments are required: COMMAND"),
        ("sdk verify cobol", "accord sdk verify [-h]", "there is no SDK for 'cobol'; there are python and typescript"),
        ("jobs list --task \udcff", "accord [-h]", "the arguments are no text in UTF-8"),
        ("serv", "accord [-h]", "invalid choice: 'serv'"),
        ("nwe", "accord [-h]", "; is new meant?"),
        ("journal verfy", "accord journal [-h]", "; is verify meant?"),
    ],
)
def test_the_usage_is_that_of_the_command(typed, usage, reason, capsys):
    with pytest.raises(SystemExit) as ended:
        main(typed.split())

    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    assert said.err.startswith(f"usage: {usage}")
    assert reason in said.err


def test_a_value_that_was_typed_is_not_blamed_on_the_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PORT", "")
    monkeypatch.delenv("PORT")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("PORT=8080\n")

    status = main(["serve", "--port", "99999"])

    said = capsys.readouterr().err
    assert status
    assert "  --port must be at most 65535; for example --port 8080" in said
    assert ".env" not in said


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("contract verify", "The generated files are current."),
        ("contract lint", "The contract keeps the laws."),
        ("contract compare", "Each change that breaks clients of the last release is in CHANGELOG.md"),
        ("settings verify", "docs/settings.md is current."),
    ],
)
def test_a_check_that_finds_nothing_says_so(typed, said, capsys):
    assert main(typed.split()) == 0

    assert capsys.readouterr().out.startswith(said)


def test_the_help_of_all_commands_imports_no_library():
    program = """if True:
        import sys
        from accord.cli.main import main
        try:
            main(["--help"])
        except SystemExit:
            print(sorted({name.partition(".")[0] for name in sys.modules} & {"pydantic", "sqlalchemy", "yaml", "nats"}))
    """

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "serve     run everything in one process" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
