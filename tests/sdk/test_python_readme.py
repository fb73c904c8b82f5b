from pathlib import Path

import guide

CLIENT = Path(__file__).parents[2] / "clients" / "python"


def test_the_snippets_print_what_the_readme_says(service, tmp_path):
    guide.run(CLIENT / "README.md", service.url, tmp_path, {"PYTHONPATH": str(CLIENT / "src")})
