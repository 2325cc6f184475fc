"""Reads the sets of school word problems, each row as its source has it."""

import re
from typing import Any

from slipstick.problems.catalogue.readers.facts import Facts, Values, kind_of, rest, undressed, words, worked, written
from slipstick.problems.choices import letter, read_choices, with_choices

_UNIT = re.compile(r"^(\S.*?)\s*\(([^()]*)\)$")
_PLACEHOLDER = re.compile(r"\b(?:N_|number)(\d+)\b")


def gsm8k(values: Values) -> Facts:
    """{question, answer: "rationale with <<3*4=12>>12\\n#### 12"}; the answer may be alone."""
    rationale, answer = worked(words(values, "answer"))
    if answer is None:
        rationale, answer = "", rationale
    return {
        "text": words(values, "question"),
        "answer": answer,
        "kind": "number",
        "rationale": rationale or None,
        "metadata": rest(values, "question", "answer"),
    }


def gsm_hard(values: Values) -> Facts:
    """{input, code, target}: GSM8K with a number replaced by a large one, and the program that gives the target."""
    return {
        "text": words(values, "input"),
        "answer": written(values["target"]),
        "kind": "number",
        "metadata": {"program": values["code"]} if values.get("code") else {},
    }


def gsm_plus(values: Values) -> Facts:
    """{question, solution, answer, perturbation_type, seed_question, seed_answer, ...}."""
    answer = written(values["answer"])
    return {
        "text": words(values, "question"),
        "answer": answer,
        "kind": "text" if answer == "None" else "number",
        "rationale": worked(values.get("solution") or "")[0] or None,
        "metadata": rest(values, "question", "answer", "solution"),
    }


def svamp(values: Values) -> Facts:
    """{ID, Body, Question, Equation, Answer, Type}."""
    body = words(values, "Body").strip()
    body += "" if body.endswith((".", "?", "!", ",")) else "."
    return {
        "text": f"{body} {words(values, 'Question').strip()}",
        "answer": written(values["Answer"]),
        "kind": "number",
        "metadata": {
            "subject": values.get("Type"),
            **rest(values, "Body", "Question", "Answer", "Type", "question_concat"),
        },
    }


def asdiv(values: Values) -> Facts:
    """{body, question, solution_type, answer: "9 (apples)", formula}."""
    raw = words(values, "answer").strip()
    match = _UNIT.match(raw)
    answer, unit = (match[1], match[2]) if match and kind_of(match[1]) == "number" else (raw, "")
    return {
        "text": f"{words(values, 'body').strip()} {words(values, 'question').strip()}",
        "answer": answer,
        "kind": _number_or_words(answer),
        "metadata": {
            "subject": values.get("solution_type"),
            **({"unit": unit} if unit else {}),
            **rest(values, "body", "question", "answer", "solution_type"),
        },
    }


def asdiv_one_answer(values: Values) -> Facts | None:
    """As `asdiv`; questions with several answers ("5 (red); 7 (blue)") do not belong to the dataset."""
    return None if ";" in words(values, "answer") else asdiv(values)


def mawps(values: Values) -> Facts:
    """{sQuestion, lEquations, lSolutions}, {Question with N_00 or number0, Numbers, Answer}, or {input, target}."""
    if "sQuestion" in values:
        text, answer = words(values, "sQuestion"), values["lSolutions"][0]
    elif "Numbers" in values:
        text, answer = _numbers_put_in(values, words(values, "Question")), values["Answer"]
    else:
        text, answer = words(values, "input", "question", "Question"), values.get("target", values.get("answer"))
    used = ("sQuestion", "lSolutions", "Question", "question", "input", "target", "answer", "Answer", "Numbers")
    return {"text": text, "answer": written(answer), "kind": "number", "metadata": rest(values, *used)}


def _numbers_put_in(values: Values, text: str) -> str:
    numbers = [str(written(number)) for number in str(values["Numbers"]).split()]
    return _PLACEHOLDER.sub(lambda match: numbers[int(match[1])], text)


def multiarith(values: Values) -> Facts:
    """{question, final_ans}."""
    return {"text": words(values, "question").strip(), "answer": written(values["final_ans"]), "kind": "number"}


def question_answer(values: Values) -> Facts:
    """{question, answer}: the plain shape MAmmoTH's evaluation files have."""
    answer = undressed(written(values["answer"]))
    return {
        "text": words(values, "question"),
        "answer": answer,
        "kind": kind_of(answer),
        "metadata": rest(values, "question", "answer"),
    }


def mgsm(values: Values) -> Facts:
    """{question, answer: rationale or null, answer_number, equation_solution}."""
    return {
        "text": words(values, "question"),
        "answer": written(values["answer_number"]),
        "kind": "number",
        "rationale": values.get("answer") or None,
    }


def cmath(values: Values) -> Facts:
    """{question, golden, grade, reasoning_step, num_digits}."""
    answer = written(values["golden"] if "golden" in values else values["answer"])
    return {
        "text": words(values, "question"),
        "answer": answer,
        "kind": kind_of(answer),
        "metadata": {"level": values.get("grade"), **rest(values, "question", "golden", "answer", "grade")},
    }


def numglue(values: Values) -> Facts:
    """{question, answer, type, passage?, "Option 1"?, ...}, or Lila's {input, output_answer, output_program}."""
    if "output_answer" in values:
        return {
            "text": words(values, "input"),
            "answer": written(values["output_answer"]),
            "kind": _number_or_words(written(values["output_answer"])),
            "metadata": {
                **({"program": values["output_program"]} if values.get("output_program") else {}),
                **rest(values, "input", "output_answer", "output_program"),
            },
        }
    said = [str(values[key]) for key in ("passage", "statement1", "statement2", "question") if values.get(key)]
    if not said:
        raise ValueError("has neither `question` nor `statement1`")
    choices = [str(values[key]).strip() for key in ("Option 1", "Option 2", "Option 3") if key in values]
    answer = written(_reported(values["answer"]))
    picked = re.fullmatch(r"[Oo]ption (\d)", answer or "")
    return {
        "text": with_choices(" ".join(said), choices),
        "answer": letter(int(picked[1]) - 1) if picked and choices else answer,
        "kind": "choice" if choices else _number_or_words(answer),
        "choices": choices or None,
        "metadata": {"subject": values["type"]} if values.get("type") else {},
    }


def _reported(answer: Any) -> Any:
    """The reading-comprehension rows have {"number": "3", "spans": [], "date": {...}}; others the answer itself."""
    if not isinstance(answer, dict):
        return answer
    return answer.get("number") or ", ".join(answer.get("spans") or []) or None


def _number_or_words(answer: str | None) -> Any:
    return None if answer is None else "number" if kind_of(answer) == "number" else "text"


def tabmwp(values: Values) -> Facts:
    """{question, choices or null, answer, unit, table_title, table, ans_type, grade, solution}; the table is text."""
    title = f" ({values['table_title']})" if values.get("table_title") else ""
    question = f"Table{title}:\n{words(values, 'table')}\n\nQuestion: {words(values, 'question')}"
    choices, answer = read_choices(values.get("choices")), written(values["answer"])
    if choices and answer in choices:
        answer = letter(choices.index(answer))
    used = ("question", "choices", "answer", "table", "table_title", "solution", "grade", "pid", "id")
    facts: Facts = {
        "text": with_choices(question, choices),
        "answer": answer,
        "kind": "choice" if choices else _number_or_words(answer),
        "choices": choices,
        "rationale": values.get("solution") or None,
        "metadata": {"level": values.get("grade"), **rest(values, *used)},
    }
    if values.get("pid") or values.get("id"):
        facts["number"] = str(values.get("pid") or values["id"])
    return facts
