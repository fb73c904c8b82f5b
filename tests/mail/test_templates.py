"""Every template renders with exactly the values that it declares; what people chose is hostile."""

import re
from collections import Counter

import pytest
from jinja2 import UndefinedError

from accord.mail import templates
from accord.mail.templates import (
    PARTS,
    StoredSecret,
    UnknownTemplate,
    UnsafeHeader,
    WrongValues,
    check,
    examples,
    harmless_name,
    names,
    one_line,
    refuse_secrets,
    render,
    variables,
)

BASE = "https://accord.example.org"
HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.mark.parametrize("template", names())
def test_a_template_uses_exactly_the_values_that_it_declares(template):
    used = Counter(name for part in PARTS for name in variables(template, part))

    assert set(used) == set(examples(template))


@pytest.mark.parametrize("template", names())
def test_a_template_renders_as_text_and_html_that_load_nothing(template):
    mail = render(template, examples(template), BASE)

    assert "\n" not in mail.subject
    assert mail.text.strip()
    assert mail.html.strip()
    assert re.search(r"<(img|script|link|iframe|object|style)|\bsrc=|url\(", mail.html) is None
    assert set(re.findall(r"https?://[^/\"<\s]+", mail.subject + mail.text + mail.html)) <= {BASE}


@pytest.mark.parametrize("template", names())
def test_no_value_becomes_markup(template):
    values = {name: value if name.endswith("Link") else HOSTILE for name, value in examples(template).items()}

    assert "<script>" not in render(template, values, BASE).html


@pytest.mark.parametrize("event", ["locked", "reused", "role", "disabled"])
def test_each_security_event_has_a_text_of_its_own(event):
    values = {**examples("security_alert"), "event": event}
    others = {render("security_alert", {**values, "event": other}, BASE) for other in {"locked", "role"} - {event}}

    assert render("security_alert", values, BASE) not in others


@pytest.mark.parametrize("template", names())
def test_a_missing_or_undeclared_value_is_refused(template):
    declared = examples(template)

    for wrong in ({}, declared | {"token": "x"}, dict(list(declared.items())[1:])):
        with pytest.raises(WrongValues):
            check(template, wrong)


def test_a_value_that_is_used_and_missing_fails():
    with pytest.raises(UndefinedError):
        templates._environment(escapes=True).from_string("{{ missing }}").render({})


@pytest.mark.parametrize("wrong", [None, 7, ["Ada"], "x" * 4_001, "nul\0"])
def test_a_value_is_text_of_a_limited_length(wrong):
    with pytest.raises(WrongValues, match="firstName"):
        check("welcome", {**examples("welcome"), "firstName": wrong})


@pytest.mark.parametrize("wrong", ["https://evil.example", "//evil.example", "javascript:alert(1)", "", "/a b", "/\n"])
def test_a_link_is_a_path_of_this_service(wrong):
    with pytest.raises(WrongValues, match="homeLink"):
        check("welcome", {**examples("welcome"), "homeLink": wrong})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token", "x"),
        ("resetToken", "x"),
        ("code", "123456"),
        ("signInCode", "123456"),
        ("one_time_code", "123456"),
        ("pin", "1234"),
        ("newPassword", "x"),
        ("apiKey", "x"),
        ("verifyLink", "/verify?token=x"),
        ("verifyLink", "/verify?a=1&code="),
        ("verifyLink", "/verify#token=x"),
        ("resetLink", "/reset/" + "aZ3_" * 10),
    ],
)
def test_a_value_that_looks_like_a_secret_is_not_stored(name, value):
    with pytest.raises(StoredSecret, match=f"{name}.*deliver") as refused:
        refuse_secrets({"firstName": "Ada", name: value})

    assert value not in str(refused.value) or len(value) < 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("firstName", "aZ3_" * 10),
        ("opinion", "x"),
        ("decoded", "x"),
        ("shippingCost", "x"),
        ("homeLink", "/"),
        ("noteLink", "/notes/01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f?page=2#end"),
    ],
)
def test_other_values_are_stored(name, value):
    refuse_secrets({name: value})


@pytest.mark.parametrize("name", ["Ada", "Anne-Marie", "O'Brien", "李小龍", "José María"])
def test_a_mail_begins_with_the_name_of_its_reader(name):
    assert render("welcome", {**examples("welcome"), "firstName": name}, BASE).text.startswith(f"Hello {name},")


@pytest.mark.parametrize(
    "name",
    [
        "http://evil.example",
        "evil.example",
        "www evil",
        "a@b",
        "Win at evil.example/x now",
        "x\u202etxt",
        "x\ny",
        "e. example",
    ],
)
def test_a_name_that_a_mail_program_would_turn_into_a_link_is_left_out(name):
    assert harmless_name(name) == ""
    assert render("welcome", {**examples("welcome"), "firstName": name}, BASE).text.startswith("Hello,\n")


@pytest.mark.parametrize("end", ["\r\nBcc: eve@example.com", "\n", "\r", "\x00", "\u2028"])
def test_a_header_of_two_lines_is_refused(end):
    with pytest.raises(UnsafeHeader):
        one_line(f"Hello{end}", "subject")


@pytest.mark.parametrize("name", ["unknown", "../mail", "", "Welcome", "welcome/../test"])
def test_an_unknown_template_is_refused(name):
    with pytest.raises(UnknownTemplate):
        check(name, {})
