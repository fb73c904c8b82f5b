"""`python -m accord.contract generate` writes what is made from openapi/."""

import sys

from accord.contract import bundle, merge

folder = bundle.sources_dir()
if folder is None:
    sys.exit("There is no openapi/ folder here. Run this in a clone of the repository.")
(folder / "bundle.json").write_text(merge.render(merge.merge(folder)), encoding="utf-8")
