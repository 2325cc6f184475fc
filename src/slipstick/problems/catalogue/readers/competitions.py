"""Reads competition, olympiad and university sets, each row as its source has it."""

import re

from slipstick.problems.catalogue.readers.facts import Facts, Values, kind_of, last_box, rest, undressed, words, written
from slipstick.schema import Kind

_OPTION = re.compile(r"\(([A-E])\)|(?<![A-Za-z])([A-E])[.:] ")
_THEOREM_KINDS: dict[str, Kind] = {"integer": "number", "float": "number", "bool": "text", "option": "choice"}


def math(values: Values) -> Facts:
    """{problem, level, type, solution}, and in MATH-500 {answer, subject, unique_id}; the gold is the last box."""
    solution = words(values, "solution")
    boxed, boxes = last_box(solution)
    answer = written(values.get("answer")) or boxed
    return {
        "text": words(values, "problem"),
        "answer": answer,
        "kind": kind_of(answer),
        "rationale": solution,
        "metadata": {
            "subject": values.get("subject") or values.get("type"),
            **({"boxes": boxes} if boxes > 1 else {}),
            **rest(values, "problem", "solution", "answer", "subject", "type"),
        },
    }


def competition(values: Values) -> Facts:
    """{problem or question, answer, solution}, whatever their first letters; the last box if there is no answer."""
    values = {key.lower(): value for key, value in values.items()}
    text = words(values, "problem", "question")
    solution = values.get("solution") if isinstance(values.get("solution"), str) else None
    answer = undressed(written(values.get("answer"))) or (last_box(solution)[0] if solution else None)
    shown = {match[1] or match[2] for match in _OPTION.finditer(text)}
    used = ("problem", "question", "answer", "solution", "type", "idx")
    return {
        "text": text,
        "answer": answer,
        "kind": "choice" if answer in shown and {"A", "B"} <= shown else kind_of(answer),
        "rationale": solution or None,
        "metadata": {**({"subject": values["type"]} if values.get("type") else {}), **rest(values, *used)},
    }


def imo_answerbench(values: Values) -> Facts:
    """{Problem ID, Problem, Short Answer, Category, Subcategory, Source}."""
    answer = undressed(written(values["Short Answer"]))
    return {
        "text": words(values, "Problem"),
        "number": str(values["Problem ID"]),
        "answer": answer,
        "kind": kind_of(answer),
        "metadata": {
            "subject": values.get("Category"),
            **{
                key.lower(): value
                for key, value in rest(values, "Problem ID", "Problem", "Short Answer", "Category").items()
            },
        },
    }


def polymath(values: Values) -> Facts:
    """{id: "low-en-0", question, answer}; the id begins with the level: low, medium, high or top."""
    answer = undressed(written(values["answer"]))
    number = str(values["id"])
    return {
        "text": words(values, "question"),
        "number": number,
        "answer": answer,
        "kind": kind_of(answer),
        "metadata": {"level": number.partition("-")[0], **rest(values, "id", "question", "answer")},
    }


def olympiadbench(values: Values) -> Facts:
    """{id, question, context, solution: [...], final_answer: [...], is_multiple_answer, answer_type, unit, ...}."""
    context = values.get("context")
    golds = [str(gold).strip() for gold in values["final_answer"] or []]
    answer = undressed(golds[0]) if len(golds) == 1 else ", ".join(str(undressed(gold)) for gold in golds)
    several = values.get("is_multiple_answer") or values.get("answer_type") == "Tuple" or len(golds) > 1
    facts: Facts = {
        "text": f"{context}\n{words(values, 'question')}" if context else words(values, "question"),
        "answer": answer.replace("$", "") if answer else None,
        "kind": "list" if several else kind_of(answer),
        "rationale": "\n\n".join(values.get("solution") or []) or None,
        "metadata": {
            "subject": values.get("subfield") or values.get("subject"),
            **({"tolerance": values["error"]} if values.get("error") else {}),
            **rest(values, "id", "question", "context", "subfield", "subject", "error", "is_multiple_answer"),
        },
    }
    if values.get("id") is not None:
        facts["number"] = str(values["id"])
    return facts


def college_math(values: Values) -> Facts:
    """{question, answer: "$...$", data_source, question_number, data_topic, license}; the licence is the row's own."""
    answer = undressed(written(values["answer"]))
    facts: Facts = {
        "text": words(values, "question"),
        "answer": answer,
        "kind": kind_of(answer),
        "metadata": {
            "subject": values.get("data_topic"),
            **rest(values, "question", "answer", "data_topic", "license"),
        },
    }
    if values.get("license"):
        facts["licence"] = str(values["license"])
    return facts


def theoremqa(values: Values) -> Facts:
    """{Question, Answer, Answer_type, Picture}; metadata says `has_picture` if the words alone are not enough."""
    what, gold = words(values, "Answer_type"), values["Answer"]
    answer = str(gold) if isinstance(gold, list | bool) else written(gold)
    if what == "option" and answer:
        answer = answer.strip("() ").upper()
    picture = values.get("Picture") not in (None, "", "NONE")
    used = ("Question", "Answer", "Answer_type", "Picture", "id")
    return {
        "text": words(values, "Question"),
        "answer": answer,
        "kind": "list" if what.startswith("list") else _THEOREM_KINDS.get(what),
        "metadata": {"gold_type": what, **({"has_picture": True} if picture else {}), **rest(values, *used)},
    }


def odyssey(values: Values) -> Facts:
    """{"Problem_1": {question, answer, reasoning, label, level}}, or the inner object alone."""
    number, inner = next(iter(values.items())) if len(values) == 1 else ("", values)
    answer = undressed(re.sub(r"(\\noindent|\\\\|\s)+$", "", str(inner["answer"])))
    facts: Facts = {
        "text": words(inner, "question"),
        "answer": answer,
        "kind": kind_of(answer),
        "rationale": inner.get("reasoning") or None,
        "metadata": {"subject": inner.get("label"), **rest(inner, "question", "answer", "reasoning", "label")},
    }
    if number:
        facts["number"] = number
    return facts


def carp(values: Values) -> Facts:
    """{content, answer, solution}."""
    answer = undressed(written(values["answer"]))
    return {
        "text": words(values, "content"),
        "answer": answer,
        "kind": kind_of(answer),
        "rationale": values.get("solution") or None,
    }
