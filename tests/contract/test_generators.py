"""Other people's generators; the contract session has them make clients of the contract itself."""

import json

from accord.contract import bundle
from accord.contract.tools import generators


def test_the_message_of_a_failing_generator_is_shown(tmp_path):
    document = json.loads(json.dumps(bundle.load()))
    created = document["paths"]["/api/v1/auth/register"]["post"]["responses"]["201"]
    created["links"]["login"]["requestBody"] = {"email": "$request.body#/email"}
    broken = tmp_path / "bundle.json"
    broken.write_text(json.dumps(document))

    [problem] = generators.problems_of(broken)

    assert problem.startswith("openapi-generator: ")
    assert "links.login.requestBody is not" in problem
