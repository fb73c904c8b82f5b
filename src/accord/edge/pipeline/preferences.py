"""The header `Prefer` (RFC 7240): `respond-async` lets a job run an operation that has `x-async`."""

import re

RESPOND_ASYNC = b"respond-async"
# Each part takes all that it can and gives none back: so the time grows with the length alone, whatever a client sends.
_space = rb"[ \t]*+"
_token = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_word = rb"(?:" + _token + rb"|\"(?:[^\"\\]|\\.)*+\")"
_value = _space + rb"(?:=" + _space + rb"(?P<value>" + _word + rb")?+" + _space + rb")?+"
_parameter = rb";" + _space + rb"(?:" + _token + _value.replace(rb"(?P<value>", rb"(?:") + rb")?+"
# A preference and its parameters; a quoted text may have commas.
_preference = re.compile(
    rb"[ \t,]*+(?P<name>" + _token + rb")" + _value + rb"(?:" + _parameter + rb")*+(?:,|$)", re.DOTALL
)
_NO_VALUE = {None, b'""'}


def prefers_async(value: bytes | None) -> bool:
    """Return whether a value of `Prefer` has `respond-async`; what is malformed, or not known, is ignored."""
    place = 0
    while value is not None and (found := _preference.match(value, place)) is not None:
        if found["name"].lower() == RESPOND_ASYNC and found["value"] in _NO_VALUE:
            return True
        place = found.end()
    return False
