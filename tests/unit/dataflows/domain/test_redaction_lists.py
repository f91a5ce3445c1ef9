"""Allow and deny lists of one deployment."""

import pytest

from dataflows.domain.redaction import Redactor
from dataflows.domain.redaction.fields import redact_fields
from dataflows.domain.redaction.lists import Lists, problem_of


def test_an_allowed_value_stays() -> None:
    """A value that an expression fits as a whole is left as it is; one that it fits in part is not."""
    redactor = Redactor(Lists(allow=(r"10[.]\d+[.]\d+[.]\d+", "noreply@example[.]com")))
    text = "10.1.2.3 noreply@example.com [IP] [EMAIL]"
    assert text == redactor("10.1.2.3 noreply@example.com 11.1.2.3 noreply@example.com.au").text


def test_a_denied_text_goes() -> None:
    """What an expression matches is masked before any other rule looks, in any script, key or none."""
    redactor = Redactor(Lists(deny=("EMP-[0-9]{4}", "사번 ?[0-9]+")))
    assert ("[DENIED] and [DENIED] failed", ("DENIED",)) == redactor("EMP-1234 and 사번 77 failed")
    assert "[DENIED:" in redactor("EMP-1234", b"k").text
    assert "\ud800 [DENIED]" == redactor("\ud800 EMP-1234").text


def test_a_denied_name_hides_its_value() -> None:
    """A key in a text and the name of a field hide what stands behind them, in any case."""
    redactor = Redactor(Lists(deny_fields=("Employee_No",)))
    assert 'employee_no=[FIELD] "EMPLOYEE_NO":"[FIELD]"' == redactor('employee_no=77 "EMPLOYEE_NO":"x"').text
    assert {"employee_no": "[FIELD]", "b": [{"Employee_No": "[FIELD]"}]} == redact_fields(
        {"employee_no": 77, "b": [{"Employee_No": "x y"}]}, None, redactor
    )


def test_variants_of_a_denied_name() -> None:
    """Case and separators do not matter, in a field and in a text."""
    redactor = Redactor(Lists(deny_fields=("my_field", "--")))
    for name in ("my_field", "myField", "my-field", "MY.FIELD", "My Field"):
        assert {name: "[FIELD]"} == redact_fields({name: "x y"}, None, redactor)
        assert f"{name}=[FIELD]" == redactor(f"{name}=77").text
    assert {"myfields": "x", "": "y"} == redact_fields({"myfields": "x", "": "y"}, None, redactor)


def test_an_allowed_value_stays_whatever_its_class() -> None:
    """The allow list knows no classes, but a telling field is hidden whatever it holds."""
    redactor = Redactor(Lists(allow=("changeit9",)))
    assert ("password=changeit9", ()) == redactor("password=changeit9")
    assert {"password": "[SECRET]"} == redact_fields({"password": "changeit9"}, None, redactor)


@pytest.mark.parametrize(
    ("expression", "says"),
    [("(", "no RE2"), ("a(?!b)", "no RE2"), (r"(a)\1", "no RE2"), ("a*", "empty text"), ("a+", "")],
)
def test_problems_are_told(expression: str, says: str) -> None:
    """What RE2 cannot do in linear time is refused with its reason, and so is what matches everywhere."""
    problem = problem_of(expression)
    assert (bool(says), True) == (bool(problem), says in problem)


def test_a_hostile_expression_stays_linear() -> None:
    """An expression that would take for ever with backtracking is no danger."""
    redactor = Redactor(Lists(deny=("(a+)+b",)))
    assert "a" * 50_000 == redactor("a" * 50_000).text


def test_marks_survive_the_lists() -> None:
    """Redaction with lists is idempotent too."""
    redactor = Redactor(Lists(allow=("10[.].*",), deny=("EMP-[0-9]+",), deny_fields=("employee_no",)))
    once = redactor("EMP-1 employee_no=4 10.1.1.1 a@example.com password=hunter" + "2x", b"k").text
    assert once == redactor(once, b"k").text
