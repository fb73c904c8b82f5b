"""`python -m accord.settings generate` writes docs/settings.md, `verify` fails when it is out of date."""

import sys
from pathlib import Path

from accord.settings.reference import reference

FILE = Path("docs/settings.md")


def main(arguments: list[str]) -> int:
    """Run the command; the exit status says whether the file is what it should be."""
    if arguments == ["generate"]:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(reference(), "utf-8")
        return 0
    if arguments == ["verify"] and FILE.exists() and FILE.read_text("utf-8") == reference():
        return 0
    sys.stderr.write(f"{FILE} is out of date; run `python -m accord.settings generate`.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
