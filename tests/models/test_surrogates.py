"""Half a surrogate pair in a server's answer."""

import pytest

from slipstick.models.openai.replies import read_answer


@pytest.mark.parametrize(
    ("escaped", "text"),
    [(r"4 \ud83d", "4 \ufffd"), (r"4 \uDE00", "4 \ufffd"), (r"\ud83d\ude00", "\U0001f600")],
)
def test_half_a_surrogate_pair_is_replaced(escaped: str, text: str) -> None:
    (choice,) = read_answer(f'{{"choices": [{{"message": {{"content": "{escaped}"}}}}]}}').choices
    assert choice.message and choice.message.content == text
