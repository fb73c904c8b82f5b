import json
import os
import subprocess
import sys
from pathlib import Path

import guide

CLIENT = Path(__file__).parents[2] / "clients" / "python"


def test_the_snippets_print_what_the_readme_says(service, tmp_path):
    guide.run(CLIENT / "README.md", service.url, tmp_path, {"PYTHONPATH": str(CLIENT / "src")})


def test_the_snippets_pass_a_strict_type_checker(tmp_path):
    for number, block in enumerate(guide.blocks(CLIENT / "README.md")):
        if block.language == "python":
            (tmp_path / f"snippet_{number}.py").write_text(block.text, "utf-8")
    settings = {"typeCheckingMode": "strict", "pythonVersion": "3.10", "extraPaths": [str(CLIENT / "src")]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")

    checked = subprocess.run(
        [sys.executable, "-m", "pyright", "--project", tmp_path],
        env={**os.environ, "PYRIGHT_PYTHON_GLOBAL_NODE": "0", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.stdout.splitlines()[-1] == "0 errors, 0 warnings, 0 informations", checked.stdout
