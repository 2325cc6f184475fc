"""Tests of the letter that a reply to a multiple-choice question chooses, beside letters that it only mentions."""

import pytest

import slipstick
from slipstick.answers import final_answer, find_answer
from slipstick.schema import Problem

CHOSEN = [
    "Answer: **C**\n\nOption B is wrong.",
    "Answer: C\n\nD is incorrect.",
    "Answer: C\n\nA and B are too small, D does not work.",
    "Final answer: (C)\n\nOption D fails.",
    "(C)\n\nOption B is not correct.",
    "[C]\n\nOption B has two axes only.",
    "C\n\nOption B has two axes only.",
    "C.\n\nA kite has one axis.",
    "**C**\n\nOption D is a kite.",
    "**C) 4 axes**\n\n- A) 1 axis belongs to a kite.\n- D) 8 axes are too many.",
    "C) 4 axes\n\nOption A (1 axis) is a kite's.",
    "c) 4 axes\n\nOption A is a kite's.",
    "(C) 4 axes. Option (B) forgets the diagonals.",
    "Option C\n\nOption B forgets the diagonals, so it has two.",
    "C\n\nReason: B is too small, A and D are impossible.",
    "C is the right answer, D is not.",
    "C is correct. Option B forgets the diagonals.",
    "It's C. Option B forgets the diagonals.",
    "It must be C, since B is 2 and D is 8.",
    "We count four axes, which is option C. Option D counts each twice.",
    "That leaves C. Option A is a kite's.",
    "C, because A has one and B has two.",
    "I'd go with C. B forgets the diagonals.",
    "My choice: c",
    "I pick C and I checked it.",
    "A - No\nB - No\nC - Yes\nD - No",
    "- A: false\n- B: false\n- C: true\n- D: false",
    "A ✗\nB ✗\nC ✓\nD ✗",
    "A) incorrect\nB) incorrect\nC) correct\nD) incorrect",
]
NOT_CHOSEN = [
    "Answer: C. Wait, the answer is D.",
    "C\n\nActually, it is D.",
    "C\n\nNo wait, D.",
    "It is C. No, wait, it's D.",
    "It is C. Hmm, on second thought: D",
    "C\n\nOption D is the correct one.",
    "C\n\nD is the right answer.",
    "C\n\nThat gives 8 axes, which is option D.",
    "C or D",
    "C, D",
    "C\nD",
    "**B**\n\n**C**\n\n**D**",
    "C and D are right.",
    "C is correct. D is also correct.",
    "Option C is wrong. Option D is right.",
    "A - No\nB - No\nC - Yes\nD - Yes",
    "C is tempting. The answer is D.",
    "(A) has one axis. (B) has two axes. (C) has four axes. (D) has eight axes.",
]


@pytest.mark.parametrize("text", CHOSEN)
def test_the_chosen_letter_counts_and_not_one_that_is_only_mentioned(text: str) -> None:
    assert final_answer(text, kind="choice") == "C"


@pytest.mark.parametrize("text", NOT_CHOSEN)
def test_what_is_taken_back_or_named_beside_others_is_not_chosen(text: str) -> None:
    assert final_answer(text, kind="choice") != "C"


@pytest.mark.parametrize("text", ["ACD", "**ACD**", "A, C, D", "The answer is ACD."])
def test_several_letters_are_one_answer(text: str) -> None:
    options = ["a rhombus", "a trapezium", "a rectangle", "a square"]
    problem = Problem(id="p", text="Which of them are parallelograms?", answer="ACD", kind="choice", choices=options)
    assert slipstick.grade(text, problem).outcome == "correct"
    assert slipstick.grade(text, problem.model_copy(update={"answer": "C"})).outcome == "incorrect"


@pytest.mark.parametrize(
    ("text", "answer"),
    [("The answer is 12.\n\n15 is wrong.", "12"), ("Answer: 12. A total of 15 is too large.", "12")],
)
def test_another_value_that_is_denied_in_a_sentence_of_its_own_leaves_the_answer(text: str, answer: str) -> None:
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("end", "letter"),
    [
        ("The smallest is **A) 0.5**.", "A"),
        ("The largest is B.", "B"),
        ("**B**", "B"),
        ("So the answer is C", "C"),
        ("A and D are too far off; C) fits.", "C"),
        ("So 0.625 is the largest.", None),
    ],
)
def test_the_last_option_of_a_list_is_not_chosen_by_standing_last(end: str, letter: str | None) -> None:
    text = f"Compare:\n\n- A) 0.5\n- B) 0.625\n- C) 0.6\n- D) 0.75\n\n{end}"
    found = find_answer(text, kind="choice")
    assert (found.text if found else None) == letter
