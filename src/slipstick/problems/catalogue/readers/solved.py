"""Reads datasets whose rows contain solutions: instructions, queries, dialogues and programs."""

import re

from slipstick.answers import GUESSES, final_answer, find_answer
from slipstick.problems.catalogue.readers.facts import Facts, Values, kind_of, rest, words, worked, written

_TRIGGER = re.compile(
    r"\s*(Let's write a (Python )?program( to solve it)?|Let's program in Python in the response|"
    r"Please write a (Python )?program to solve it)\.?\s*$"
)
_CHOICES = re.compile(r"\nAnswer Choices: (\(A\).*)$", re.DOTALL)
_OPTION = re.compile(r"\s*\(([A-E])\) ")


def mathinstruct(values: Values) -> Facts:
    """{source: "data/CoT/gsm_train.json", instruction, output}.

    Of a chain of thought the output is the rationale and the answer is what it ends with; a program of thought is
    metadata `program`, its answer is not known until it runs, and the words that ask for a program are removed.
    """
    source, output = words(values, "source"), words(values, "output")
    text = _TRIGGER.sub("", words(values, "instruction"))
    choices = _choices(text)
    if "/PoT/" in source:
        about = {"source": source, "rationale": "PoT", "program": output}
        return {"text": text, "choices": choices, "kind": "choice" if choices else None, "metadata": about}
    answer = final_answer(output, kind="choice" if choices else None)
    return {
        "text": text,
        "answer": answer,
        "choices": choices,
        "kind": "choice" if choices else kind_of(answer),
        "rationale": output,
        "metadata": {"source": source, "rationale": "CoT"},
    }


def _choices(text: str) -> list[str] | None:
    shown = _CHOICES.search(text)
    if not shown:
        return None
    parts = _OPTION.split(shown[1])[1:]
    letters, texts = parts[0::2], parts[1::2]
    return texts if "".join(letters) == "ABCDE"[: len(letters)] else None


def query_response(values: Values) -> Facts:
    """{query, response, type, original_question}: MetaMathQA and GSM8K-RFT."""
    response = words(values, "response")
    found = find_answer(response)
    answer = found.text if found and found.rule not in GUESSES else None  # a gold is marked: nothing guessed is one
    return {
        "text": words(values, "query"),
        "answer": answer,
        "kind": kind_of(answer),
        "rationale": worked(response)[0] or response,
        "metadata": rest(values, "query", "response"),
    }


def camel(values: Values) -> Facts:
    """{"topic;", sub_topic, message_1, message_2}: a question and GPT-4's unchecked answer, which is not a gold."""
    return {
        "text": words(values, "message_1"),
        "rationale": words(values, "message_2"),
        "metadata": {"subject": values.get("topic;", values.get("topic")), "sub_topic": values.get("sub_topic")},
    }


def mathqa_python(values: Values) -> Facts:
    """{text, code, answer, task_id}: the rationale is the program over n0, n1, ..."""
    return {
        "text": words(values, "text"),
        "answer": written(values["answer"]),
        "kind": "number",
        "rationale": words(values, "code"),
        "metadata": rest(values, "text", "code", "answer"),
    }


def text(values: Values) -> Facts:
    """{text, ...}: a page to read."""
    return {"text": words(values, "text")}
