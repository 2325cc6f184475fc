"""Reads the multiple-choice sets, each row as its source has it."""

import re

from slipstick.problems.catalogue.readers.facts import Facts, Values, rest, words
from slipstick.problems.choices import letter, read_choices, with_choices

_MATHQA_OPTION = re.compile(r"[\s,\[\]'\"]*\b[a-e] \) ")
_APART = re.compile(r"\s*([,/])\s*|(?<=^-)\s+")
"""Blanks inside a number: "1 , 500", "3 / 4", "- 2"."""
_NUMBER = re.compile(r"-?(?:\d[\d,]*(?:\.\d+)?|(?<![A-Za-z])\.\d+)(?:/\d+)?")
_AGIEVAL_TAIL = re.compile(r"\s*Answer Choices:.*", re.DOTALL)


def aqua(values: Values) -> Facts:
    """{question, options: ["A)21", ...], rationale, correct: "A"}."""
    facts = _question(words(values, "question"), read_choices(values["options"]), values["correct"])
    facts["rationale"] = values.get("rationale") or None
    return facts


def mathqa(values: Values) -> Facts:
    """{Problem, Rationale, options: "a ) 38 , b ) 27.5 , ...", correct: "a", annotated_formula, linear_formula}."""
    options = _MATHQA_OPTION.split(words(values, "options"))[1:]
    choices = [option.strip(" ,'\"[]") for option in options]
    facts = _question(words(values, "Problem"), choices, values["correct"].upper())
    facts["rationale"] = (values.get("Rationale") or "").strip('" ') or None
    used = ("Problem", "Rationale", "options", "correct", "category")
    facts["metadata"] = {"subject": values.get("category"), **rest(values, *used)}
    return facts


def mathqa_numbers(values: Values) -> Facts | None:
    """A row of `mathqa` as a question for a number: without its options, the one that is correct as its answer.

    Rows whose option is no single number ("2 : 3", "none of these") do not belong to it.
    """
    facts = mathqa(values)
    chosen = (facts["choices"] or [])[ord(str(facts["answer"])) - ord("A")]
    numbers = _NUMBER.findall(_APART.sub(r"\1", chosen))
    if len(numbers) != 1:
        return None
    return {
        "text": words(values, "Problem").strip(),
        "answer": numbers[0].replace(",", ""),
        "kind": "number",
        "metadata": facts["metadata"],
    }


def agieval(values: Values) -> Facts:
    """{question, passage, options, label: "D"}, or {query: "Q: ... Answer Choices: ...", choices, gold: [3]}."""
    if "query" in values:
        question = _AGIEVAL_TAIL.sub("", words(values, "query")).removeprefix("Q: ")
        return _question(question, read_choices(values["choices"]), letter(values["gold"][0]))
    passage = f"{values['passage']}\n" if values.get("passage") else ""
    return _question(passage + words(values, "question"), read_choices(values["options"]), values["label"])


def mmlu(values: Values) -> Facts:
    """{question, subject, choices, answer: 2}."""
    facts = _question(words(values, "question"), read_choices(values["choices"]), letter(values["answer"]))
    facts["metadata"] = rest(values, "question", "answer")
    return facts


def _question(question: str, choices: list[str] | None, answer: str) -> Facts:
    if not choices or not isinstance(answer, str) or answer not in map(letter, range(len(choices))):
        raise ValueError(f"has the answer {answer!r}, which is not one of its {len(choices or [])} options")
    text = with_choices(question.strip(), choices)
    return {"text": text, "answer": answer, "kind": "choice", "choices": choices}
