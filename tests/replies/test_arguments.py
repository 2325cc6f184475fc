"""The code in a call's arguments: repaired where it is clear, refused where it is not, and JSON is never Python."""

from __future__ import annotations

import pytest

from slipstick.replies.arguments import UnreadableCallError, check_name, is_whole, read_arguments

READ: list[tuple[object, list[str]]] = [
    ('{"code": "print(6*7)"}', ["print(6*7)"]),
    ('{"code": "a = 1\nprint(a)"}', ["a = 1\nprint(a)"]),
    ('{"script": "6*7"}', ["6*7"]),
    ('{"Code": "6*7"}', ["6*7"]),
    ('{"input": "6*7"}', ["6*7"]),
    ('{"code": "6*7", "timeout": 5, "why": "x"}', ["6*7"]),
    ('"6*7"', ["6*7"]),
    ("print(6*7)", ["print(6*7)"]),
    ("[6*7]", ["[6*7]"]),
    ("{x for x in range(3)}", ["{x for x in range(3)}"]),
    ("42", ["42"]),
    ({"code": "6*7"}, ["6*7"]),
    # escapes that JSON has not, or once too many
    (r"""{"code": "print('\d')\nprint(2+2)"}""", ["print('\\d')\nprint(2+2)"]),
    (r"""{"code": "print(r'\sqrt{2} \d+ \\d')"}""", ["print(r'\\sqrt{2} \\d+ \\d')"]),
    (r"""{"code": "s = 'it\'s'"}""", ["s = 'it\\'s'"]),
    (r"""{"code": "x=2\\nprint(x)"}""", ["x=2\nprint(x)"]),
    (r"""{"code": "print('a\\n')"}""", ["print('a\\n')"]),
    # wrapped
    ('{"arguments": {"code": "print(2+2)"}}', ["print(2+2)"]),
    ('{"name": "python", "arguments": {"code": "print(2+2)"}}', ["print(2+2)"]),
    ('{"name": "python", "arguments": "{\\"code\\": \\"print(2+2)\\"}"}', ["print(2+2)"]),
    ('"{\\"code\\": \\"print(2+2)\\"}"', ["print(2+2)"]),
    ('{"input": {"code": "print(2+2)"}}', ["print(2+2)"]),
    ('{"code": {"code": "print(2+2)"}}', ["print(2+2)"]),
    ('```json\n{"code": "print(2+2)"}\n```', ["print(2+2)"]),
    ('{"code": "```python\\nprint(2+2)\\n```"}', ["print(2+2)"]),
    ('{"code": "~~~\\nprint(2+2)\\n~~~"}', ["print(2+2)"]),
    ("```python\nprint(2+2)\n```", ["print(2+2)"]),
    # lists
    ('{"code": ["x=2", "print(x+2)"]}', ["x=2\nprint(x+2)"]),
    ('{"code": ["x=2\\n", "print(x+2)\\n"]}', ["x=2\nprint(x+2)"]),
    ('["x=2", "print(x+2)"]', ["x=2\nprint(x+2)"]),
    ('[{"code": "x=2"}, {"code": "print(x+2)"}]', ["x=2", "print(x+2)"]),
    # doubled
    ('{"code": "print(2+2)"}{"code": "print(2+2)"}', ["print(2+2)"]),
    ('{"code": "print(2+2)"}\n{"code": "print(2+2)"}', ["print(2+2)"]),
    ('{"code": "x=2"}{"code": "print(x)"}', ["x=2", "print(x)"]),
    ('{"code": "print(2+2)"}}', ["print(2+2)"]),
    ('{"code": "print(2+2)"}"}', ["print(2+2)"]),
    ('{"code": "print(2+2)"}<|im_end|>', ["print(2+2)"]),
    # without their end
    ('{"code": "print(2+2)"', ["print(2+2)"]),
    ('{"code": "print(2+2)', ["print(2+2)"]),
    ('{"arguments": {"code": "print(2+2)"', ["print(2+2)"]),
    ('{"code": ["x=2", "print(x)"', ["x=2\nprint(x)"]),
    # quotation marks
    ('{"code": "print("hello")"}', ['print("hello")']),
    ('{"code": "print("a")\nprint("b")", "timeout": 5}', ['print("a")\nprint("b")']),
    ('{"name": "python", "arguments": {"code": "print("a")"}}', ['print("a")']),
    ("{'code': 'print(2+2)'}", ["print(2+2)"]),
    ("{'code': \"print('a')\"}", ["print('a')"]),
    ('{"code": """print(2+2)"""}', ["print(2+2)"]),
    ('{"code": "print(2+2)",}', ["print(2+2)"]),
]
REFUSED = [
    "",
    "  ",
    "{}",
    "[]",
    '{"code": null}',
    '{"code": ""}',
    '{"code": 42}',
    '{"a": "1", "b": "2"}',
    '{"a": 1}',
    '{"code": "print(2+',
    '{"code": "x = [1, 2',
    '{"code": print(2)}',
    '{"code": "print(2+2)"}{"code": "print(2+',
    '{"code": "{\\"a\\": 1}"}',
    '{"x": {"y": 1}}',
    "[1, 2, 3]",
]


@pytest.mark.parametrize(("given", "codes"), READ, ids=[str(given) for given, _ in READ])
def test_what_is_meant_is_read(given: object, codes: list[str]) -> None:
    assert read_arguments(given) == codes


@pytest.mark.parametrize("given", REFUSED)
def test_what_cannot_be_told_is_refused_with_the_reason(given: str) -> None:
    with pytest.raises(UnreadableCallError, match=r"no code|needs the argument|neither JSON"):
        read_arguments(given)


@pytest.mark.parametrize(
    ("arguments", "whole"),
    [
        ('"6*7"', True),
        ('{"code": "print(2+', False),
        ('{"code": "print(2+2)"', False),
        ('{"code": "print(2+2)"}', True),
        (r"""{"code": "'\d'"}""", True),
        ("print(2+", False),
        ("print(2+2)", False),
        ("", False),
    ],
)
def test_only_arguments_with_their_end_are_whole(arguments: str, whole: bool) -> None:
    assert is_whole(arguments) == whole


def test_a_call_of_another_function_is_refused_unless_it_has_code() -> None:
    for name in ("python", "pythonpython", "functions.python", "code_interpreter", "", None):
        check_name(name, "python", '{"input": "6*7"}')
    check_name("solve", "python", '{"code": "6*7"}')
    with pytest.raises(UnreadableCallError, match="there is no function `search`: call `python`"):
        check_name("search", "python", '{"query": "6*7"}')


def test_half_a_character_in_code_is_replaced() -> None:
    assert read_arguments(r'{"code": "print(\"\ud83d\")"}') == ['print("\ufffd")']


def test_hostile_arguments_are_read_in_linear_time() -> None:
    for given in ("[" * 100_000, '{"a":' * 50_000, '{"code": "' + "\\d" * 200_000):
        with pytest.raises(UnreadableCallError):
            read_arguments(given)
    assert read_arguments('{"code": "a"}' * 20_000 + "{") == ["a"]  # said many times, it is one call
