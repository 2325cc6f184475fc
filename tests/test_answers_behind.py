r"""Tests of what stands behind an answer: checks, explanations, asides, other notations; and of answers in words."""

import re

import pytest

from slipstick.answers import final_answer

CHECKS = [
    ("So $x = 10$.\n\nLet's verify: $3 \\cdot 10 - 7 = 23$. Correct!", "x = 10"),
    ("So $x = 10$.\n\nLet me double-check: $3 \\cdot 10 - 7 = 23$.", "x = 10"),
    ("So $x = 10$.\n\nTo confirm, $30 - 7 = 23$.", "x = 10"),
    ("So $x = 10$.\n\nSubstituting back gives $30 - 7 = 23$, which is true.", "x = 10"),
    ("We get $$x \\ge 3$$\n\nFor instance, at $x=0$ we get $6 < 7$.", "x \\ge 3"),
    ("We get $$x \\ge 3$$\n\nFor example, $x=4$ gives $10 > 7$.", "x \\ge 3"),
    ("Also ist $x = 4$. Setzt man ein, erhält man $3\\cdot4-2=10$, was stimmt.", "x = 4"),
    ("Donc $x = 4$.\n\nVérifions : $3\\cdot4-2=10$.", "x = 4"),
    ("Por tanto, $x = 4$.\n\nVerifiquemos: $3\\cdot4-2=10$.", "x = 4"),
    ("Logo, $x = 4$.\n\nVerificação: $3\\cdot4-2=10$.", "x = 4"),
    ("Значит, $x = 4$.\n\nПроверим: $3\\cdot4-2=10$.", "x = 4"),
    ("所以 $x = 4$。\n\n检验：$3\\cdot4-2=10$。", "x = 4"),
    ("よって $x = 4$ です。\n\n確認：$3\\cdot4-2=10$。", "x = 4"),
    ("따라서 $x = 4$ 입니다.\n\n검증: $3\\cdot4-2=10$.", "x = 4"),
]
REASONS = [
    ("Die gesuchte Zahl ist 8. Denn 8 + 4 = 12 und 8 · 2 = 16.", "8"),
    ("Die gesuchte Zahl ist 8, denn 4 + 4 ist 8 und 2 · 4 auch, wie in Schritt 2.", "8"),
    ("Le résultat est donc 8. En effet, 8 + 4 = 12.", "8"),
    ("Il reste 8 billes, car il en a donné 4.", "8"),
    ("El área es de 36 cm², ya que cada lado mide 6 cm.", "36"),
    ("A área é de 36, pois cada lado mede 6.", "36"),
    ("Площадь равна 36, так как сторона равна 6.", "36"),
    ("x의 값은 4입니다. 실제로 대입하면 2×4+1=9가 됩니다.", "4"),
    ("値は4です。なぜなら、2×4+1=9だからです。", "4"),
    ("There are 3 such numbers: 3, 6 and 9.", "3"),
    ("So there are 2 solutions (1, 5).", "2"),
    ("The 2 legs are: 3, 4 and the third side is 5.", "5"),
    ("There are 12 of them in 3 boxes: 4, 8.", "8"),
    ("So $x = 2$. Substituting this into the first gives 5.", "5"),
    ("If you add 3 and 4, you get that.\nIf you add 5 to it you get 12.", "12"),
    ("Car 1 travels 60 miles.\nCar 2 travels 80 miles.", "80"),
    ("Площадь не равна 20.", None),
    ("L'aire n'est pas égale à 20.", None),
    ("El área no es igual a 20.", None),
    ('{"error": "could not compute 42"}', None),
]
OFFERS = [
    ("残りは6個です。\n\nもし他に質問があれば、聞いてください。例えば、5個の場合なども説明できます。", "6"),
    ("剩下6个。\n\n如果你还有2个问题，请告诉我。", "6"),
    ("6개가 남습니다.\n\n다른 질문 2개가 있으면 알려 주세요.", "6"),
    ("Six remain: 6.\n\nWould you like 3 more problems?", "6"),
    ("It is 6.\n\nI can also show the other 2 ways.", "6"),
    ("Es bleiben 6.\n\nFalls du noch 2 Fragen hast, frag gern.", "6"),
    ("Il en reste 6.\n\nSi vous avez 2 autres questions, demandez.", "6"),
    ("Quedan 6.\n\nSi tienes 2 dudas más, pregunta.", "6"),
    ("Restam 6.\n\nEspero que os 2 passos ajudem.", "6"),
    ("Осталось 6.\n\nЕсли у вас есть ещё 2 вопроса, пишите.", "6"),
    ("Final answer:\n\n- **30** apples", "30 apples"),
    ("Answer: **30** apples", "30 apples"),
    ("The minimum is at x = 2, not at x = -3.", "2"),
    ("It is $6$, not for $n = 7$.", "6"),
    ("Final answer: none of the 30 apples were counted.", None),
]
FORMULAS_ASIDE = [
    ("It is $\\frac{7}{12}$.\n\nIt is in lowest terms since $\\gcd(7,12)=1$.", "\\frac{7}{12}"),
    ("The sum is $\\dfrac{7}{12}$ (about $0.583$).", "\\dfrac{7}{12}"),
    ("The sum is $\\dfrac{7}{12}$ (because $4+3=7$).", "\\dfrac{7}{12}"),
    ("Die Summe ist $\\frac{7}{12}$, denn $4+3=7$.", "\\frac{7}{12}"),
    ("La somme vaut $\\frac{7}{12}$, car $4+3=7$.", "\\frac{7}{12}"),
    ("La suma es $\\frac{7}{12}$, ya que $4+3=7$.", "\\frac{7}{12}"),
    ("Сумма равна $\\frac{7}{12}$, так как $4+3=7$.", "\\frac{7}{12}"),
    ("Since $a=3$ and $b=4$, we get $c=5$.", "c=5"),
    ("The set (all of $A$) has size $5$.", "5"),
    ("It must be 12, since $3 \\cdot 4=12$.", "12"),
    ("Because $x=3$, the value is $9$.", "9"),
    ("Ответ: 0,2 (или 20%).", "0.2 or 20%"),
]
SECTIONS = [
    ("$$y = 2x$$\n\n### Explanation\n* The outer function is $e^u$ with $u=x^2$.", "y = 2x"),
    ("It costs **12 euros**.\n\n**Justification:**\n- 3 notebooks\n- 4 euros each", "12 euros"),
    ("It costs **12 euros**.\n\n## Verification\n12 / 4 = 3\n\n12 / 3 = 4", "12 euros"),
    ("The area is $30$.\n\n**Alternative approach:**\nThe shoelace gives $\\frac12 \\cdot 60$.", "30"),
    ("Das macht **12 Euro**.\n\n### Begründung\n3 Hefte zu je 4 Euro", "12 Euro"),
    ("Cela fait **12 euros**.\n\n**Explication :**\n3 cahiers à 4 euros", "12 euros"),
    ("一共 **12**。\n\n### 说明\n3 本，每本 4 元", "12"),
    ("合計は $12$ です。\n\n### 解説\n3 冊、1 冊 4 円", "12"),
    ("### Explanation\n3 notebooks at 4 euros make **12 euros**.", "12 euros"),
    ("Given: $a = 3$, $b = 4$\n\n**Explanation:**\nWe add them, so $a + b = 7$.", "a + b = 7"),
    ("There are 3 notebooks.\n\n### Explanation\nAt 4 euros each they cost $12$.", "12"),
]
ASIDES = [
    ("Each costs $2.50.\n\n(Total: 4 × $2.50 = $10.00)", "$2.50"),
    ("He spent 200.\n\n*(120 of that on books, 80 on pens.)*", "200"),
    ("小明一共花了200元。\n\n（其中买书用了120元，买笔用了80元。）", "200"),
    ("The centre is\n(2, 3)", "(2, 3)"),
    ("Thus −1 < x < 4, or in interval notation (−1, 4).", "−1 < x < 4"),
    ("So x > 3.", "x > 3"),
    ("So x = 1 or x = 3.", "x = 1 or x = 3"),
    ("The point is (2, -3).", "(2, -3)"),
    ("All values in [0, 5) work.", "[0, 5)"),
    ("We know f(2, 3) = 7.", "7"),
]
DERIVATIONS = [
    ("$$\\int 2x\\,dx = x^2 + C$$", "x^2 + C"),
    ("$\\frac{d}{dx} x^3 = 3x^2$", "3x^2"),
    ("$(x+1)^2 = (x+1)(x+1) = x^2 + 2x + 1$", "x^2 + 2x + 1"),
    ("$(x+1)^2 = x^2 + x + x + 1 = \\mathbf{x^2 + 2x + 1}$", "x^2 + 2x + 1"),
    ("$\\sum_{k=1}^n k = \\frac{n(n+1)}{2}$", "\\frac{n(n+1)}{2}"),
    ("$\\lim_{x\\to 0} \\frac{\\sin ax}{x} = a \\cdot 1$", "a \\cdot 1"),
    ("The circle is $x^2 + y^2 = 25$", "x^2 + y^2 = 25"),
    ("The line is $y = 2x + 1$", "y = 2x + 1"),
    ("So $f(x) = (x+1)^2 = x^2+2x+1$", "f(x) = (x+1)^2 = x^2+2x+1"),
    ("So $x + y = 3, x - y = 1 = z$", "x + y = 3, x - y = 1 = z"),
]
SOLUTIONS = [
    (
        "**解答：**\n\n总共有 6 种等可能的结果，其中满足条件的有 4 种，\n$$P=\\frac{4}{6}=\\frac{2}{3}$$",
        "P=\\frac{4}{6}=\\frac{2}{3}",
    ),
    ("**Lösung:**\n\nWir haben zuerst 3 Äpfel und 4 Birnen.\n\n$$3 + 4 = 7$$", "3 + 4 = 7"),
    ("**解答：**\n\n12", "12"),
    ("**Lösung:**\n\n7 Stück", "7 Stück"),
    ("**Antwort:**\n\nEr hat insgesamt 7 Stück.", "7"),
]
NUMBERS = [
    ("The area is $14\\text{ cm}^2$.", "14"),
    ("The volume is $14\\,\\mathrm{m}^{3}$.", "14"),
    ("The area is 14 cm^2.", "14"),
    ("Portanto, cada amigo pagará R$ 45,00.", "45.00"),
    ("Jeder zahlt 45,50 €.", "45.50"),
    ("**Réponse finale :** Paul a 24 billes.", "24 billes"),
    ("Respuesta: María tiene 24 canicas.", "24 canicas"),
    ("Antwort: Er hat 24 Murmeln.", "24 Murmeln"),
    ("She pays $64.\n\nUser 0: What about 20?\nUser 1: I think $80.", "64"),
    ("The final answer is $\\boxed{}$ since 12 cannot be verified.", None),
    ("$\\boxed{?}$, because 12 and 13 both fit.", None),
    ("Write it in $\\boxed{}$. There are 12.", "12"),
]
WORDS = [
    ("Yes. Since 91 = 7 × 13, it is composite.", "Yes"),
    ("To check it, note 51 = 3 × 17.\n\nSo no, 51 is not a prime number.", "no"),
    ("51 = 3 × 17.\n\nTherefore, yes: 51 is composite.", "yes"),
    ("**No** — 4 and 9 share no common factor.", "No"),
    ("**No**, 4 and 9 share none.", "No"),
    ("Ja, 97 ist eine Primzahl.", "Ja"),
    ("Да, число 13 простое.", "Да"),
    ("Sí, 13 es primo.", "Sí"),
    ("False. 9 is odd and not prime.", "False"),
    ("Ann needs 8 minutes, Bob 9.\n\n**Ann** is the fastest.", "Ann"),
    ("100 mod 7 = 2, so it is a **Tuesday**.", "Tuesday"),
    ("The limits are 1 and -1, so the limit **does not exist**.", "does not exist"),
    ("**Result:** 12 people", "12"),
    ("Not all of the 12 came.", "12"),
]
LETTERS = [
    ("A) 3 is prime.\nB) 4 is not", None),
    ("A) 3 is less than 4.\nB) 4 is less than", None),
    ("Out of these, option B it is", "B"),
    ("I will go with B", "B"),
    ("It rules out C, so A", "A"),
    ("It takes a", None),
]
NAMING = """
{} / {}. / So {} / So, {} / Option {} / option {} / answer {} / Choice {} / My choice: {} / It is {}. / It's {}
That's {}. / {} is correct / {} is right. / {} seems right. / {} must be it. / {} it is. / {} is the answer
Only {} works. / {} because 2 is even. / {}, because 2+2=4 / {}, 22 / {} - 22 / {} (22) / {} 22 / 22, {}
22 = {} / → {} / Therefore {}. / Hence {} is the answer. / Thus only {} satisfies it.
{} satisfies the equation. / The correct one is {}. / I think it is {}. / I'd say {}. / Looks like {}.
We get 22, which is {}. / That matches {}. / Final: {} / Letter {} / \\text{{{}}} / Between A and B, {}.
C or D? {}. / Not E, but {}. / Neither D nor E, so {}. / **{}** / {}) 22 / {} est correct. / {} ist richtig.
{} es correcta.
"""
"""Ways to name an option of which none could hold the article "a"."""
ARTICLES = [
    "A dog has four legs.",
    "So A dog has four legs.",
    "**A dog** has four legs.",
    "A 10% discount makes it 5 dollars",
    "A $5 bill is enough.",
    "A 22 km road leads there.",
    "A (small) dog",
    "A “good” idea",
    "A can of beans",
    "A-frame houses",
    "In 'A Beautiful Mind' he won.",
    "The area is A = 4*5 = 20",
    "We have A+B=5 and",
    "A is wrong.",
    "Neither A nor C.",
    "I think so.",
    "option a person makes",
]


@pytest.mark.parametrize(("text", "answer"), [*CHECKS, *SECTIONS, *ASIDES, *DERIVATIONS, *FORMULAS_ASIDE, *SOLUTIONS])
def test_the_answer_is_before_what_stands_behind_it(text: str, answer: str) -> None:
    assert final_answer(text) == answer


@pytest.mark.parametrize(("text", "answer"), [*NUMBERS, *OFFERS, *REASONS])
def test_a_number_is_found(text: str, answer: str | None) -> None:
    assert final_answer(text, kind="number") == answer


@pytest.mark.parametrize(("text", "answer"), WORDS)
def test_a_word_is_found(text: str, answer: str) -> None:
    assert final_answer(text, kind="text") == answer


@pytest.mark.parametrize(("text", "letter"), LETTERS)
def test_a_text_that_breaks_off_names_no_letter(text: str, letter: str | None) -> None:
    assert final_answer(text, kind="choice") == letter


@pytest.mark.parametrize("naming", re.split(r" / |\n", NAMING.strip()))
def test_an_option_is_named_a_as_it_is_named_b(naming: str) -> None:
    for letter in "ABC":
        assert final_answer(naming.format(letter), kind="choice") == letter


@pytest.mark.parametrize("text", ARTICLES)
def test_an_article_a_variable_or_a_pronoun_names_no_option(text: str) -> None:
    assert final_answer(text, kind="choice") is None


@pytest.mark.parametrize(
    ("text", "letter"),
    [("a", "A"), ("b.", "B"), ("option a", "A"), ("Option b.", "B"), ("I", "I"), ("It is I.", "I")],
)
def test_small_letters_alone_and_the_ninth_option(text: str, letter: str) -> None:
    assert final_answer(text, kind="choice") == letter
