r"""What holds of every verdict, whatever the gold: golds and answers made by a grammar of numbers, formulas, lists,
sets, tuples, intervals, equations, amounts, options and words.
"""

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from slipstick.equivalence import compare
from slipstick.grade import grade
from slipstick.rewards.verdicts import grade_completions
from slipstick.schema import Outcome

SETTINGS = settings(
    deadline=None,
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
STRICT = "slipstick-strict"

integers = st.integers(2, 9998)
small = st.integers(2, 12)
names = st.sampled_from("xynt")
fractions = st.tuples(st.integers(1, 30), st.sampled_from((7, 11, 13))).map(
    lambda p: rf"\frac{{{7 * p[0] + 1}}}{{{p[1]}}}"
)
numbers = st.one_of(
    integers.map(str),
    integers.map(lambda n: f"-{n}"),
    fractions,
    st.tuples(small, st.sampled_from((2, 3, 5, 7))).map(lambda p: rf"{p[0]}\sqrt{{{p[1]}}}"),
    small.map(lambda n: rf"{n}\pi"),
)
formulas = st.one_of(
    st.tuples(small, names, small).map(lambda p: f"{p[0]}{p[1]}+{p[2]}"),
    st.tuples(names, small, small).map(lambda p: f"{p[0]}^2-{p[1]}{p[0]}+{p[2]}"),
    st.tuples(small, names, small).map(lambda p: rf"\frac{{{p[0]}}}{{{p[1]}+{p[2]}}}"),
    st.tuples(small, names).map(lambda p: rf"e^{{-{p[0]}{p[1]}}}\sin {p[1]}"),
)
rising = st.tuples(st.integers(-50, 50), st.integers(1, 40)).map(lambda p: (p[0], p[0] + p[1]))
lists = st.lists(st.integers(2, 99), min_size=2, max_size=4, unique=True).map(lambda items: [str(one) for one in items])
amounts = st.tuples(integers, st.sampled_from((r"\text{ cm}", r"\text{ hours}", r"^\circ", r"\%"))).map(
    lambda p: f"{p[0]}{p[1]}"
)
words = st.sampled_from(("Ann", "Tuesday", "linear", "even", "Yes", "False"))
options = st.sampled_from("ABCDE")
intervals = rising.map(lambda p: f"[{p[0]},{p[1]})")
golds = st.one_of(
    numbers,
    formulas,
    lists.map(", ".join),
    lists.map(lambda items: rf"\{{{', '.join(items)}\}}"),
    lists.map(lambda items: f"({', '.join(items)})"),
    intervals,
    st.tuples(names, numbers).map(lambda p: f"{p[0]}={p[1]}"),
    st.tuples(names, st.sampled_from(("<", r"\le", ">")), integers).map(lambda p: f"{p[0]} {p[1]} {p[2]}"),
    amounts,
    words,
    options,
)
"""Golds of every kind."""


def verdict(answer: str, gold: str, profile: str = "slipstick") -> Outcome:
    """The outcome of a comparison."""
    return compare(answer, gold, profile=profile).outcome


@SETTINGS
@given(golds)
def test_a_gold_is_its_own_answer(gold: str) -> None:
    for profile in ("slipstick", STRICT):
        assert verdict(gold, gold, profile) == "correct"
        assert grade(rf"So the answer is \boxed{{{gold}}}.", gold, profile=profile).outcome == "correct"


@SETTINGS
@given(st.one_of(numbers, formulas), st.one_of(numbers, formulas))
def test_equality_of_exact_values_is_symmetric(one: str, other: str) -> None:
    assert verdict(one, other) == verdict(other, one)


@SETTINGS
@given(lists, lists, st.randoms(use_true_random=False))
def test_sets_are_equal_in_any_order_and_tuples_in_theirs(items: list[str], others: list[str], chance: object) -> None:
    turned = [*items[1:], items[0]]
    assert verdict(rf"\{{{', '.join(turned)}\}}", rf"\{{{', '.join(items)}\}}") == "correct"
    assert verdict(f"({', '.join(turned)})", f"({', '.join(items)})") == "incorrect"
    assume(set(items) != set(others))
    assert verdict(", ".join(others), ", ".join(items)) == verdict(", ".join(items), ", ".join(others)) == "incorrect"


@SETTINGS
@given(st.text(max_size=60), st.one_of(st.text(max_size=30), golds))
@example("\ud800", "5")
@example("\\boxed{", "\\frac{1}{")
@example("```python\nwhile True: pass", "x" * 30)
def test_nothing_raises(text: str, gold: str) -> None:
    for profile in ("slipstick", STRICT):
        found = (
            compare(text, gold, profile=profile),
            grade(text, gold, profile=profile),
            grade(gold, text, profile=profile),
        )
        assert all(verdict.reason for verdict in found)


CHANGES = {
    "number": ("{}+1", "{}-1", "-({})", "2({})", "{}^3", "{} and a half", "{} thirds", r"\sqrt{{{}}}", "{}x"),
    "formula": ("{}+1", "{}-1", "-({})", "2({})", "({})^2", "z({})"),
    "list": ("{}, 9973", "9973, {}"),
}
"""Kind -> templates that change the value of every gold of that kind."""


@SETTINGS
@given(st.data())
def test_a_changed_gold_is_not_accepted(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(CHANGES)))
    gold = data.draw({"number": integers.map(str), "formula": formulas, "list": lists.map(", ".join)}[kind])
    changed = data.draw(st.sampled_from(CHANGES[kind])).format(gold)
    for profile in ("slipstick", STRICT):
        assert verdict(changed, gold, profile) != "correct", (changed, gold)


@SETTINGS
@given(rising, st.sampled_from(("({},{})", "({},{}]", "[{},{}]")))
def test_a_bracket_of_an_interval_counts(ends: tuple[int, int], other: str) -> None:
    assert verdict(other.format(*ends), "[{},{})".format(*ends)) == "incorrect"


NOUNS = [
    "students",
    "studies",
    "people",
    "children",
    "apples",
    "eggs",
    "first-graders",
    "boxes",
    "cars",
    "hours",
    "pages",
    "friends",
    "tickets",
    "men",
    "teeth",
]


@SETTINGS
@given(integers, st.sampled_from(NOUNS), st.sampled_from(("{} {}", r"{}\text{{ {}}}", "**{} {}**", "{} {} in total")))
def test_what_is_counted_may_stand_behind_its_number(number: int, noun: str, way: str) -> None:
    assert verdict(way.format(number, noun), str(number)) == "correct"
    assert verdict(str(number), f"{number} {noun}") == "correct"
    assert verdict(way.format(number + 1, noun), str(number)) == "incorrect"


WRAPPINGS = (r"\boxed{{{}}}", r"$\boxed{{{}}}$", r"\[\boxed{{{}}}\]", "**Answer:** ${}$", "The answer is ${}$.")
"""Ways of saying an answer."""


@SETTINGS
@given(st.one_of(numbers, formulas, intervals, lists.map(", ".join)), golds, st.sampled_from(WRAPPINGS))
def test_how_an_answer_is_wrapped_changes_nothing(answer: str, gold: str, wrapping: str) -> None:
    assert grade(wrapping.format(answer), gold).outcome == verdict(answer, gold)
    assert grade(wrapping.format(answer), answer).outcome == "correct"


HEDGES = (
    *(
        " or {}",
        " and {}",
        ", {}",
        "; {}",
        " / {}",
        ", or maybe {}",
        ", not {}",
        " (not {})",
        " unless it is {}",
        " else {}",
    ),
    *(" is wrong", " is not the answer", "?", " is false", " (incorrect)", " or so", ", but I doubt it", " or more"),
)
"""What may be put behind an answer; the gold may be named."""


@SETTINGS
@given(
    st.one_of(integers.map(str), words, options), st.one_of(integers.map(str), words, options), st.sampled_from(HEDGES)
)
def test_words_behind_never_make_a_wrong_answer_right(answer: str, gold: str, hedge: str) -> None:
    assume(verdict(answer, gold) == "incorrect")
    said = answer + hedge.format(gold)
    assert verdict(said, gold) != "correct"
    assert grade(f"The answer is {said}", gold).outcome != "correct"
    assert grade(rf"\boxed{{{said}}}", gold).outcome != "correct"


REFUTATIONS = ("not {}", "{} is wrong", "anything but {}", "{} or 9973", "neither {} nor 9973", "the answer is not {}")
"""Answers that name a gold and do not give it."""


@SETTINGS
@given(st.one_of(integers.map(str), words, options), st.sampled_from(REFUTATIONS))
def test_a_gold_that_is_refuted_is_not_given(gold: str, refutation: str) -> None:
    said = refutation.format(gold)
    assert verdict(said, gold) != "correct"
    assert grade(said, gold).outcome != "correct"


FORMS = (
    "{}",
    "{} ",
    "${}$",
    "{}.0",
    "about {}",
    r"\approx {}",
    "{}%",
    "{} cm",
    "x={}",
    "{}+0",
    r"\frac{{{}}}{{1}}",
    "{}.",
)
"""Ways of writing a number, of which profiles accept more or fewer."""


@SETTINGS
@given(integers, integers, st.sampled_from(FORMS), st.sampled_from(("{}", "{}%", r"{}\text{{ cm}}", "x={}")))
def test_the_strict_profile_accepts_no_more(number: int, other: int, form: str, gold: str) -> None:
    for value in (number, other):
        answer, expected = form.format(value), gold.format(number)
        if verdict(answer, expected, STRICT) == "correct":
            assert verdict(answer, expected) == "correct"


@SETTINGS
@given(st.one_of(golds, st.text(max_size=20)), st.sampled_from(("proof", "n/a", "nan", "not found", None, "")))
def test_what_is_undecided_is_no_reward(answer: str, gold: str | None) -> None:
    (judged,) = grade_completions([rf"\boxed{{{answer}}}"], [gold])
    assert judged.verdict.outcome in ("undecided", "no_answer")
    assert judged.reward != 1.0
    if judged.verdict.outcome == "undecided":
        assert judged.reward is None
