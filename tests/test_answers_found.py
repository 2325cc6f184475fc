r"""Tests of finding the answer in whole outputs, by kind of difficulty: what is found, and what is no answer."""

import pytest

from slipstick.answers import answer_of, final_answer, find_answer
from slipstick.schema import Block, Code, Output, Text

LATER = [
    (r"I try \boxed{9}. No. The answer is 10.", "10"),
    (r"First \boxed{9}, but that counts twice." + "\n\n## Answer\n10", "10"),
    (r"So \boxed{12}." + "\nFinal answer: Tuesday", "Tuesday"),
    (r"So n = \boxed{12}. Final answer: Yes", "Yes"),
    (r"\boxed{x+1}" + "\n#### y", "y"),
    (r"\boxed{4}. Correction: the answer is 8.", "8"),
    (r"\boxed{4}? No: <answer>8</answer>", "8"),
    (r"\boxed{4} at first." + '\n{"answer": "8"}', "8"),
    (r"\boxed{4}. Wait, it should be 8.", "8"),
    (r"\boxed{4} is what a naive count gives. The true count is 8.", "8"),
    ("The answer is 3. Actually, scratch that: the answer is 5.", "5"),
    ("Die Antwort ist 3. Korrektur: Die Antwort ist 5.", "5"),
    (r"\boxed{4}." + "\n\nAntwort: 8", "8"),
]
MENTIONED = [
    (r"\boxed{5}. To check the answer is plausible, put 3 in.", "5"),
    (r"\boxed{5}. The answer is in simplest form.", "5"),
    (r"\boxed{5}. The answer is rounded to 2 decimal places.", "5"),
    (r"\boxed{5}. If the answer is 6, the sum would be 7.", "5"),
    (r"\boxed{5}" + "\n\nAnswer: see above", "5"),
    (r"\boxed{5}. Let us check whether the answer is 6.", "5"),
    ("If the sign were different the answer would be 7. The answer is 5.", "5"),
    (r"We put the answer in \boxed{} as asked. 2+3=5, so the answer is 5.", "5"),
    (r"Write \boxed{answer}." + "\n\n#### 5", "5"),
    (r"Write it as \boxed{Your Answer}. It is **5**.", "5"),
    (r"\boxed{5} + 1 = 6", "5"),
    (r"3 + \boxed{5} = 8", "5"),
    (r"x = -\boxed{5}", "-5"),
]
NONE = [
    "Answer: 6 ❌",
    "yes ❌",
    "Answer: 36 ✓ is wrong",
    "The answer is **not** 15.",
    "Answer: It is not **15**.",
    "Answer: Lena owes **$7**, which is wrong",
    r"It's definitely not \boxed{5}.",
    r"\boxed{5} is wrong.",
    r"\boxed{5}, which is incorrect.",
    r"\boxed{5} ✗",
    r"\boxed{...}",
    r"\boxed{\text{Your Answer}}",
    r"2+3=5. The answer is \boxed{}.",
    r"Is \boxed{5} the answer?",
    r"\boxed{5}^2",
    "The answer cannot be 5.",
    "The answer is not 5.",
    "It is not 5.",
    "Is the answer 5?",
    "The answer is 5, or is it?",
    "The answer is 5. This is incorrect, however.",
    "I cannot solve this. It would take more than 5 steps.",
    "I don't know. See page 5.",
    "I don't think the answer is 5.",
    "Suppose the answer is 5.",
    "Je ne sais pas, mais 5 est joli.",
    "La respuesta no es 5.",
    "Die Antwort ist nicht 5.",
    "答案不是5。",
    "答えは5ではありません。",
    "정답은 5이 아닙니다.",
    "Ответ не 5.",
    "```python\nprint(5)\n```",
    '<tool_call>{"name": "python", "arguments": {"code": "print(5)"}}</tool_call>',
    '{"steps": ["x = 5"], "final_answer": null}',
]
LABELS = [
    (r"$$\text{ANSWER: } \$460$$", r"\$460"),
    (r"$$\textbf{Answer: } 460$$", "460"),
    (r"\[Answer: 009\]", "009"),
    (r"\boxed{\text{Answer: } 460}", "460"),
    (r"\boxed{Answer: 460}", "460"),
    (r"\boxed{\mathrm{Final\ Answer} = 460}", r"\mathrm{Final\ Answer} = 460"),
    ("**Answer**: 13 (since 6 + 7 = 13)", "13"),
    ("Answer: m+n = 256+37 = 293", "m+n = 256+37 = 293"),
    ("Final answer:\n\n```\n64\n```", "64"),
    ("Therefore:\n\n```latex\nf(x) = x^2 + 1\n```", "f(x) = x^2 + 1"),
    (r"\[\begin{aligned} x &= 3 + 4 \\ &= 7 \end{aligned}\]", "7"),
]
LANGUAGES = [
    ("综上所述，小明一共有36个苹果。", "36"),
    ("所以比例为13/28", "13/28"),
    ("所以边长为 2√3。\n【答案】2√3", "2√3"),
    ("【答案】１２<eoa>", "12"),
    ("答：小明现在一共有３６个苹果。", "36"),
    ("答案是5米。", "5 m"),
    ("答えは、36個です。", "36"),
    ("答え：7cm", "7cm"),
    ("**答え\u300014 cm**", "14 cm"),
    ("정답은 12입니다.", "12"),
    ("따라서 답은 12개이다.", "12"),
    ("Die Antwort lautet 3,5 Meter.", "3.5 Meter"),
    ("Das Ergebnis ist 1.250 Euro.", "1250 Euro"),
    ("Réponse : il lui restera 220 $ à payer dans 12 mois.", "220"),
    ("Il reste 1\u202f500 euros.\nRéponse : 1\u202f500 euros", "1,500 euros"),
    ("La respuesta final es 12.", "12"),
    ("Risposta: 3,5 kg di pane", "3.5 kg di pane"),
    ("A resposta correta é 12.", "12"),
    ("Ответ: 3600 секунд.", "3600 seconds"),
    ("Odpowiedź: 12", "12"),
    ("Het antwoord is 12.", "12"),
    ("Cevap: 12'dir.", "12"),
    ("Đáp án là 12.", "12"),
    ("الإجابة هي ١٢", "12"),
    ("उत्तर: १२", "12"),
    ("The value is 1.375, so the answer is 1.375.", "1.375"),
]
PROSE = [
    ("So, day 100 falls on a **Tuesday**.", "Tuesday"),
    ("It takes **1.5 hours** (that is, 1 hour and 30 minutes).", "1.5 hours"),
    ("The train arrives at 3:45 PM.", "3:45 PM"),
    ("Seven.", "Seven"),
    ("There are twenty-one ways.", "twenty-one"),
    ("There are 8 such triangles, as we listed 8 in step 2.", "8"),
    ("He has 8 apples (3 red and 5 green).", "8"),
    ("6 × 8 = 48\n\n**There are 48 pencils.**\n\n*Check: 48 ÷ 8 = 6 ✓*", "48 pencils"),
    ("That makes **5/6**.\n\nIn decimal form that is approximately 0.833.", "5/6"),
    ("It is 5 or 6.", "5 or 6"),
    ("It is 4, not 5.", "4"),
    (r"So the divisors are $1$, $2$, and $4$.", "1, 2, 4"),
    ("**No**, the sum of two even numbers is never odd.", "No"),
    ('{"choice": "B"}', "B"),
    ('{"reasoning": "2+3", "result": 5}', "5"),
    ('{"solution": "\\\\frac{1}{2}"}', r"\frac{1}{2}"),
    ('{"answer": "5", "value": 7}', "5"),
    ("<answer>\nThe largest angle is 90 degrees.\n</answer>", "90 degrees"),
]
CHOICES = [
    (r"Energy \boxed{E=mc^2}. Answer: B", "B"),
    (r"So \boxed{x = 5}." + "\nThe correct option is C.", "C"),
    (r"So \boxed{12}, hence (C).", "C"),
    (r"Answer: C, since \boxed{A=12}", "C"),
    ("Option B is the only one that fits; options A, C and D fail.", "B"),
    ("The answer is for sure D, it can't be A or B.", "D"),
    ("The answer is not B or C, but D.", "D"),
    ("B is right; A and C are wrong.", "B"),
    ("La bonne réponse est la **B**.", "B"),
    ("La respuesta correcta es la opción D.", "D"),
    ("故选：B。", "B"),
    ("The correct options are **A and C**.", "A and C"),
    ("The answer is (C) or (D).", "(C) or (D)"),
    ("Answer: ABD", "A, B, D"),
    ("| | Sum | Right? |\n|---|---|---|\n| A | 14 | ❌ |\n| **B** | 17 | ✅ |\n| C | 19 | ❌ |", "B"),
    ("| Option | Fits |\n|:-:|:-:|\n| (A) | No |\n| (B) | Yes |\n| (C) | No |", "B"),
    ("| A | 14 | ❌ |\n| B | 17 | ✅ (17 is odd) |\n| C | 19 | ❌ |\n\nSo the answer is B.", "B"),
    ("| A | 14 | ✅ |\n| B | 17 | ✅ |\n| C | 18 | ❌ |", "A, B"),
    ("| A | 14 |\n| B | 17 |\n\nOption A.", "A"),
    ("Is it B?", None),
    ("It's not B.", None),
]
RUNS_ON = [
    ("The answer is 5.\n\nQuestion: A hen lays 9 eggs?\nAnswer: The answer is 9.", "5"),
    ("#### 5\n\nQ: what is 4+5\nA: 4+5=9\n#### 9", "5"),
    ("The answer is 5.\n\nProblem:\nWhat is 4+5?\nSolution:\nThe answer is 9.", "5"),
    ("They have 5.\n\nQ: what is 4+5\nA: 9", "5"),
    (r"\boxed{5}<|im_end|>" + "\n<|im_start|>user\nMore?<|im_end|>\n<|im_start|>assistant\n" + r"\boxed{9}", "5"),
    (r"\boxed{5}" + "\n\nHuman: and 4+5?\n\nAssistant: " + r"\boxed{9}", "5"),
    ("Answer: 5\n\n### Instruction:\nAnother.\n\n### Response:\nThe answer is 9.", "5"),
    ("答案是5。\n\n问题：另一个？\n答案是9。", "5"),
    ("Problem: what is 2+3?\n\nSolution: 2+3=5. The answer is 5.", "5"),
    ("Let me restate it.\n\nProblem: what is 2+3?\n\nSolution: The answer is 5.", "5"),
    ("Problem 1: the answer is 3.\n\nProblem 2: the answer is 5.", "5"),
]
VARIABLES = [
    ("选择 B = 1，我们得到 x = 5。", "5"),
    (r"选择 \(B = 1\)，于是 **7** 个。", "7"),
    ("选择B。", "B"),
    ("因此选择 (C)。", "(C)"),
    ("We choose B = 1 and get x = 5.", "5"),
    ("Pick C = 3; there are 12 ways.", "12"),
    ("Select A < 4. So it is 3.", "3"),
    ("I go with D.", "D"),
    ("We choose B.", "B"),
]
BOXES = [
    (r"The value is \boxed{\frac{1}{3}} \approx \boxed{0.333}", r"\frac{1}{3} \approx 0.333"),
    (r"$\boxed{\sqrt{2}} ≈ \boxed{1.414}$", r"\sqrt{2} \approx 1.414"),
    (r"Exact: \boxed{\sqrt{2}}, numerically \boxed{\approx 1.41421}", r"\sqrt{2} \approx 1.41421"),
    (r"\boxed{2\pi}, or about \boxed{6.28}", r"2\pi \approx 6.28"),
    (r"We get \(\boxed{e^2}\), approximately \(\boxed{7.39}\).", r"e^2 \approx 7.39"),
    (r"First attempt $\boxed{99}$, correction: $\boxed{42}$.", "42"),
    (r"We had \boxed{7}, corrected to \boxed{8}", "8"),
    (r"First \boxed{6}, and finally \boxed{42}", "42"),
    (r"Not quite \boxed{3}, but rather \boxed{4}", "4"),
    (r"\boxed{3}, actually \boxed{5}", "5"),
    (r"\boxed{3}, or instead \boxed{5}", "5"),
    (r"It grows from \boxed{3}, and the final height is \boxed{5}", "3, 5"),
    (r"The mean is \boxed{3} and the corrected mean is \boxed{5}", "3, 5"),
    (r"\boxed{1} and \boxed{2}", "1, 2"),
]
BOLD = [
    ("**Answer:** Lena owes **$6.25**.", "$6.25"),
    ("**Final answer:** The hen laid **17**.", "17"),
    ("**Answer:** Omar owes **€6.25**.", "€6.25"),
    ("**Answer:** The shelf holds **9 jars**.", "9 jars"),
    ("Answer: The scale is **5:3**.", "5:3"),
    ("Answer: after 3 weeks she has **19** jars left.", "19"),
    ("Answer: Lena owes **$7** and Omar owes **$8**.", "Lena owes $7 and Omar owes $8"),
    ("Answer: 2**3 + 4**5", "2**3 + 4**5"),
    ("The answer is **not** 15 but **16**.", "16"),
    ("The answer is *not* 15, but 16.", "16"),
]
EMOJI = [
    ("**Answer: 6 pears** 🍐", "6 pears"),
    ("**Answer: 6** ✅", "6"),
    ("Answer: 36 ✓", "36"),
    ("**The answer is 36.** 🎉", "36"),
    ("The answer is 6 pears! 🍐🍐", "6 pears"),
    ("Answer: $5.25 💰", "$5.25"),
    ("Answer: 36 👍🏽", "36"),
    ("Answer: 36 🎉 Tell me if that helps!", "36"),
    ("x=4, y=7 ✅", "x=4, y=7"),
    ("yes 👍", "yes"),
    ("Answer: 🍐", "🍐"),
    ("Answer: 7♠", "7♠"),
    ("Answer: △PQR", "△PQR"),
    ("The answer is 2 🍐 + 3 🍌", "2 🍐 + 3 🍌"),
    ("So x = 4. Substituting: 2(4)+3 = 11 ✓", "4"),
]
FOUND = [*BOXES, *EMOJI, *BOLD, *VARIABLES, *LATER, *MENTIONED, *LABELS, *LANGUAGES, *PROSE, *RUNS_ON]


@pytest.mark.parametrize(("text", "answer"), FOUND)
def test_the_answer_is_found(text: str, answer: str) -> None:
    assert final_answer(text) == answer


@pytest.mark.parametrize("text", NONE)
def test_what_is_denied_asked_or_never_said_is_no_answer(text: str) -> None:
    assert final_answer(text) is None


@pytest.mark.parametrize(("text", "letter"), CHOICES)
def test_the_letter_is_found(text: str, letter: str | None) -> None:
    assert final_answer(text, kind="choice") == letter


def test_several_boxes_are_one_number_or_a_list() -> None:
    text = r"\boxed{5} and \boxed{6}"
    assert final_answer(text, kind="number") == "5"
    assert final_answer(text, kind="number", first=False) == "5, 6"


def test_places_are_those_of_the_whole_text() -> None:
    text = r"<think>Perhaps \boxed{4}?</think>" + "\n" + r"It is \boxed{5}."
    found = find_answer(text)
    assert found is not None
    assert text[found.start : found.end] == r"\boxed{5}"


@pytest.mark.parametrize(
    ("blocks", "answer"),
    [
        pytest.param([Text(text="<think>a"), Code(text="x"), Output(text="5")], None, id="thoughts not finished"),
        pytest.param(
            [Text(text="<think>a"), Code(text="x"), Output(text="4"), Text(text="</think>It is 5. The answer is 5.")],
            "5",
            id="thoughts around a program",
        ),
        pytest.param(
            [Text(text="<think>a"), Code(text="x"), Output(text="4"), Text(text=r"so \boxed{5}")],
            None,
            id="in thoughts",
        ),
        pytest.param(
            [Code(text="x"), Output(text="4"), Text(text=r"Therefore \boxed{}.")], None, id="an empty box concludes"
        ),
    ],
)
def test_thoughts_around_programs(blocks: list[Block], answer: str | None) -> None:
    assert answer_of(blocks) == answer


@pytest.mark.parametrize("bait", ["\n", "$", "(A) ", "**", r"\[", r"\boxed{", "<answer>", "Answer: ", "\ud800", "{"])
def test_a_megabyte_of_anything_ends(bait: str) -> None:
    found = find_answer(bait * (1_000_000 // len(bait)))  # would take hours if a pattern were quadratic
    assert found is None or found.end <= 1_000_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("So it's 3^42.", "3^42"),
        ("So the population is 42 million.", "42 million"),
        ("The answer is $1$ and $2$.", "1, 2"),
        ("The answer is $5$ and $x=3$ gives the rest.", "5"),
        ("The answer is $5$, and $x$ is 3.", "5"),
        ("The answer is $5$, where $x=3$.", "5"),
        ("The answer is $6$ or $7$, I guess.", "6 or 7"),
        ("The final answer is $x = 1$ and $y = 2$.", "x = 1, y = 2"),
        ("The final answer is $x=1$, $y=2$ and $z=3$.", "x=1, y=2, z=3"),
        ("The value is 42i.", "42i"),
        ("Thus 2*42", "2*42"),
        ("a 5x5 grid, in total 25", "25"),
        ("it takes 1 1/2 hours", "1 1/2 hours"),
        ("so it is 42!", "42"),
        ("so we get 42x.", "42x"),
        ("the area is 42 pi", "42 pi"),
        ("the area is 42π.", "42π"),
        ("the mass is 42m", "42"),
        ("x^2 = 42", "x^2 = 42"),
        (r"The answer is \(5\) oder \(6\).", "5 or 6"),
        ("We solve it.\nThe two numbers are **7** and **9**.", "7, 9"),
        ("It factors.\nThe solutions are **x = 4** or **x = 7**.", "x = 4 or x = 7"),
        ("The roots are:\n- $x = 4$\n- $x = 7$", "x = 4, x = 7"),
        ("$$x_1 = 4$$\n$$x_2 = 7$$", "x_1 = 4, x_2 = 7"),
        ("- x = 4\n- y = 7", "x = 4, y = 7"),
        ("They get:\n\n- Lena: 4 kg\n- Omar: 7 kg", "Lena: 4 kg, Omar: 7 kg"),
        ("### Answer\n- $x = 4$\n- $x = 7$", "x = 4, x = 7"),
        ("**Answer:**\n\n* Lena: 4\n* Omar: 7\n\nDone!", "Lena: 4, Omar: 7"),
        ("- $4\n- $7", "$4, $7"),
        ("Divisors of 10: 1, 2, 5, 10", "1, 2, 5, 10"),
        ("Lena has **7** and Omar has **9**", "9"),
        ("- Fare: $7\n- Tip: $2\n- Total: $9", "$9"),
        ("- Fare: $7\n- Tip: $2\n- Bill: $9", "$9"),
        ("- 3 + 4 = 7\n- 7 × 2 = 14", "14"),
        ("- x = 10/2\n- x = 5", "5"),
        ("- r = 5\n- A = 78.5", "78.5"),
        ("$$2x = 8$$\n$$x = 4$$", "x = 4"),
        ("### Answer\n- 12 pens\n- Because 3 * 4 = 12", "12 pens"),
        ("A ticket would be $38, not $83.", "$38"),
        ("A ticket costs $38 instead of $83", "$38"),
        ("A ticket would be **$38**, not **$83**.", "$38"),
        ("Everyone pays $4.50 (since $18 ÷ 4 = $4.50).", "$4.50"),
        ("Noor will pay $38 (a saving of $5).", "$38"),
        ("It costs $38, so $x = 38$.", "x = 38"),
        ("It is $12 × 4 = $48.", "$48"),
        ("So $ x = 38 $.", "x = 38"),
        (r"So $2 \text{ pens} $", r"2 \text{ pens}"),
        ("So $3x + 2 $ is left", "3x + 2"),
        ("So the odds are $3/4$ and $3:1$.", "3/4, 3:1"),
    ],
)
def test_all_of_a_formula_or_list_is_found(text: str, found: str) -> None:
    assert final_answer(text) == found


@pytest.mark.parametrize(
    ("text", "kind", "answer"),
    [
        ("The answer is B because A is wrong.", "choice", "B"),
        ("The answer is (B) because (A) is wrong.", "choice", "B"),
        ("The answer is B since C is incorrect", "choice", "B"),
        ("B, because A is wrong", "choice", "B"),
        ("The answer is B, but A is wrong", "choice", "B"),
        (r"\boxed{B} because A is wrong", "choice", "B"),
        ("B is wrong because A is right", "choice", "A"),
        ("The answer is 5, since 4 cannot be right.", "number", "5"),
        ("The answer is 5 because 4 is too small.", None, "5"),
        ("The answer is 5 as 4 is impossible.", None, "5"),
        ("The answer is 5, for 4 is wrong.", None, "5"),
        ("The answer is 5, whereas 4 is too small.", "number", "5"),
        ("The answer is 5 because 4 would give 12, which is wrong.", None, "5"),
        ("Die Antwort ist 5, denn 4 ist falsch.", None, "5"),
        ("The answer is not B", "choice", None),
        ("I doubt the answer is B", "choice", None),
        ("The answer B is wrong", "choice", None),
        ("B, while tempting, is wrong", "choice", None),
        ("The answer is B, since it barks, but this is wrong.", "choice", None),
        ("The answer is 5, but it is wrong.", None, None),
        ("We drop 5 because 5 is too large.", None, None),
        ("We drop 5, since it is impossible.", "number", None),
    ],
)
def test_a_reason_denies_another_value_and_not_the_answer(text: str, kind: str | None, answer: str | None) -> None:
    assert final_answer(text, kind=kind) == answer
