"""Names for what a plan holds, taken from the words around each number and each result."""

from __future__ import annotations

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from slipstick.exact import FUNCTIONS
from slipstick.synthesize.annotations.asked import HAS, LEFT, TOTAL, asked_names
from slipstick.synthesize.annotations.derived import derived_names
from slipstick.synthesize.annotations.link import Plan, Step
from slipstick.synthesize.annotations.read.mentions import Mention
from slipstick.synthesize.annotations.read.phrases import (
    DAYS,
    JOINS,
    MONEY,
    MONEY_NOUNS,
    NUMBERS,
    PARTICIPLES,
    UNITS,
    join_words,
    joined_after,
    phrase_after,
    phrase_before,
    sentence_at,
    singular,
    subject_of,
    words_of,
)
from slipstick.synthesize.annotations.read.rationale import Rationale

LONGEST = 36
"""Letters of the longest name."""
_TAKEN = frozenset(dir(builtins)) | frozenset(FUNCTIONS) | {"symbols", "solve"}
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def name_plan(plan: Plan, question: str, rationale: Rationale | None = None) -> dict[str, str]:
    """Key -> name for every input and step: valid, short, unlike each other."""
    given = {key: _of_input(each.mention, question) for key, each in plan.inputs.items()}
    names = _choose({key: _tidied(found) for key, found in given.items()}, {}, ["number"])
    told = {step.key: _of_step(step, rationale) if rationale else [] for step in plan.steps}
    told[plan.answer] = [*asked_names(question), *told[plan.answer]] or ["answer"]
    tidied = {key: _tidied(found) for key, found in told.items()}
    shared = Counter(found[0] for found in tidied.values() if found)
    for step in plan.steps:
        found = tidied[step.key]
        if found and shared[found[0]] > 1 and step.key != plan.answer:
            found = [*found[1:], found[0]]
        fallback = _tidied(derived_names(step.tree, names))
        names |= _choose({step.key: [*found, *fallback]}, names, fallback or ["result"])
    return names


def tidy(name: str) -> str:
    """A valid name of at most LONGEST letters, "" where nothing is left of it."""
    parts = [part for part in re.sub(r"[^a-z_]", "", name.lower()).split("_") if part]
    parts = [part for place, part in enumerate(parts) if part not in parts[:place] or part in JOINS]
    while parts and (len("_".join(parts)) > LONGEST or parts[-1] in JOINS):
        parts.pop()
    while parts and parts[0] in JOINS:
        parts.pop(0)
    name = "_".join(parts)
    if len(name) < 3 or keyword.iskeyword(name) or name in _TAKEN:
        return f"{name}_amount" if len(name) > 2 else ""
    return name


def _tidied(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for name in map(tidy, names) if name))


def _choose(candidates: dict[str, list[str]], taken: dict[str, str], fallback: Sequence[str]) -> dict[str, str]:
    """One name a key: its first candidate that no other key has; where all are shared, told apart by ordinals."""
    used = set(taken.values())
    firsts = Counter(found[0] for found in candidates.values() if found)
    chosen: dict[str, str] = {}
    for key, found in candidates.items():
        if found and firsts[found[0]] == 1 and found[0] not in used:
            chosen[key] = found[0]
            used.add(found[0])
    for key, found in candidates.items():
        if key in chosen:
            continue
        free = (name for name in [*found[1:], *found[:1]] if name not in used and firsts[name] < 2)
        stem = (found or list(fallback))[0]
        ordinals = (f"{ordinal}_{stem}" for ordinal in _ORDINALS)
        chosen[key] = next(free, None) or next((name for name in ordinals if name not in used), f"{stem}_{key}")
        used.add(chosen[key])
    return {key: chosen[key] for key in candidates}


def _of_input(mention: Mention, question: str) -> list[str]:
    before, behind = sentence_at(question, mention.start, mention.end)
    back, ahead = words_of(before.rstrip(" $€£")), words_of(behind)
    if hyphened := re.match(r"\s?-\s?([a-z]+)\b(.*)", behind):
        nouns, _ = phrase_after(words_of(hyphened[2]))
        if hyphened[1] in UNITS and nouns:
            return [join_words(nouns, hyphened[1].removesuffix("s") + "s")]
    if mention.form == "percent":
        return _percent_names(back, ahead)
    if mention.money or ahead[:1] in (["dollars"], ["dollar"], ["cents"]):
        if not mention.money:
            ahead = ahead[1:]
        found = _money_names(back, ahead, subject_of(before))
        rupees = re.search(r"\b(?:rs|re)\s?\.?\s*$", before, re.IGNORECASE)
        return [name.replace("dollars", "rupees") for name in found] if rupees else found
    return _count_names(back, ahead, subject_of(before))


def _percent_names(back: Sequence[str], ahead: Sequence[str]) -> list[str]:
    nouns, _ = phrase_after(list(ahead))
    lead = ahead[0].lower() if ahead else ""
    names = []
    if lead == "of" and nouns:
        names.append(join_words("percent_of", nouns[-2:]))
    elif lead in ("off", "more", "less", "higher", "lower", "fewer", "faster", "cheaper"):
        names.append(f"percent_{lead}")
    elif nouns:
        names.append(join_words(nouns[-2:], "percent"))
    change = next((word.lower() for word in reversed(back[-4:]) if word.lower() in _CHANGES), "")
    if change:
        names.insert(0, f"percent_{_CHANGES[change]}")
    before = phrase_before(list(back))
    names += [join_words(before[-2:], "percent")] if before else []
    return [*names, "percentage"]


_CHANGES = {
    **dict.fromkeys(
        ("increase", "increased", "increases", "rose", "rises", "grew", "raised", "increasing"), "increase"
    ),
    **dict.fromkeys(
        ("decrease", "decreased", "decreases", "fell", "falls", "reduced", "dropped", "reduces"), "decrease"
    ),
}


def _money_names(back: Sequence[str], ahead: Sequence[str], subject: str) -> list[str]:
    back = [word for word in back if word.lower() not in ("rs", "re", ".")]
    low = [word.lower() for word in back]
    verb = next((MONEY[word] for word in reversed(low[-6:]) if word in MONEY), "")
    nouns = phrase_before(list(back))
    rate = joined_after(list(ahead), 0)
    per = rate if rate[:1] == ["per"] else []
    lead = ahead[0].lower() if ahead else ""
    names: list[str] = []
    if lead in ("more", "less", "fewer") and "than" in [word.lower() for word in ahead[:3]]:
        other, _ = phrase_after(list(ahead), [word.lower() for word in ahead].index("than") + 1)
        names.append(join_words("dollars", lead, "than", other[-2:]))
    if nouns and nouns[-1] in MONEY_NOUNS:
        names.append(join_words(nouns[-2:], per))
    direct, _ = phrase_after(list(ahead)) if lead and lead not in JOINS and not per else ([], 0)
    if direct and lead not in ("to", "and", "or", "more", "less", "each", "worth", "left"):
        names.append(join_words(direct[-2:], "" if direct[-1] in MONEY_NOUNS else "price"))
    if low and set(low[-3:]) & set(HAS):
        names += [join_words(subject, "money"), "money"]
    priced = bool(low) and low[-1] in ("for", "at", "is", "was", "are", "were", "be", "of")
    if nouns and verb in ("cost", "price", "sale_price", "value", ""):
        names.append(join_words(nouns[-2:], verb or ("price" if priced else "money"), per))
    if verb:
        names += [join_words(verb, per), join_words(subject, verb, per)]
    if nouns:
        names.append(join_words(nouns[-2:], verb if verb not in ("money",) else "money"))
    return [*names, join_words("dollars", per), "amount_of_money"]


def _count_names(back: Sequence[str], ahead: Sequence[str], subject: str) -> list[str]:
    lead = ahead[0].lower() if ahead else ""
    nouns, end = ([], 0) if lead in ("a", "an", "each", "every", "per") else phrase_after(list(ahead))
    join = joined_after(list(ahead), end)
    done = next((PARTICIPLES[word.lower()] for word in reversed(back[-3:]) if word.lower() in PARTICIPLES), "")
    verb = next((NUMBERS[word.lower()] for word in [*ahead[:3], *reversed(back[-3:])] if word.lower() in NUMBERS), "")
    before = phrase_before(list(back))
    if not nouns:
        found = [join_words(before[-2:], verb)] if before else []
        return [*found, join_words(subject, verb or "number"), "number"]
    if lead in ("more", "fewer", "less", "extra", "additional"):
        nouns = [{"additional": "extra", "less": "fewer", "more": "extra"}.get(lead, lead), *nouns]
    names: list[str] = []
    joined = bool(join) and join[0] in ("per", "of")
    if joined:
        names.append(join_words(nouns, join))
    than = ahead[end].lower() if end + 1 < len(ahead) and ahead[end + 1].lower() == "than" else ""
    names += [join_words(nouns, than)] if than else []
    after = next((word.lower() for word in ahead[end : end + 1] if word.lower().endswith("ing")), "")
    if nouns[-1] in UNITS:
        names += [join_words(nouns, verb)] if verb else []
        names += [join_words(nouns, done)] if done else []
        names += [join_words(nouns, "of", after)] if after else []
    names += [] if joined else [join_words(nouns)]
    day = next((word.lower() for word in [*reversed(back), *ahead[:8]] if word.lower() in DAYS), "")
    names += [join_words(nouns, done)] if done else []
    names += [join_words(day, nouns)] if day else []
    names += [join_words(subject, nouns)] if subject else []
    names += [join_words(nouns, join)] if join else []
    names += [join_words([singular(word) for word in before[-1:]], nouns)] if before else []
    return [*names, join_words(nouns)]


def _of_step(step: Step, rationale: Rationale) -> list[str]:
    calculation = step.calculation
    if calculation is None:
        return []
    line = rationale.lines[calculation.line]
    before, behind = sentence_at(line, calculation.start, calculation.end)
    back, ahead = words_of(before.rstrip(" $€£")), words_of(behind)
    subject = subject_of(before)
    sign = getattr(step.tree, "sign", "")
    whole = f"{before} {behind}"
    prefix = "total" if TOTAL.search(whole) and sign in ("+", "*") else ""
    suffix = "left" if LEFT.search(whole) and sign == "-" else ""
    label = phrase_before([word for word in back if word != ":"])
    in_dollars = ahead[:1] in (["dollars"], ["dollar"])
    if calculation.money or in_dollars:
        return _money_step_names(back, ahead[in_dollars:], label, (prefix, subject, suffix), sign)
    nouns, end = phrase_after(list(ahead))
    join = joined_after(list(ahead), end)
    if calculation.shown_percent:
        return [join_words("percent_of", nouns[-2:]) if nouns else join_words(label[-2:], "percent")]
    names: list[str] = []
    if nouns:
        per = join if join[:1] in (["per"], ["of"]) else []
        names.append(join_words(prefix, nouns, per, suffix))
        names += [join_words(prefix, nouns, join, suffix)] if join else []
        names += [join_words(prefix, subject, nouns, suffix)] if subject else []
    day = next((word.lower() for word in [*ahead[:8], *reversed(back)] if word.lower() in DAYS), "")
    names += [join_words(prefix, day, nouns, suffix)] if day and nouns else []
    if label:
        names += [join_words(prefix, label[-2:], nouns, suffix)]
    return names


def _money_step_names(
    back: Sequence[str], ahead: Sequence[str], label: Sequence[str], around: tuple[str, str, str], sign: str
) -> list[str]:
    prefix, subject, suffix = around
    low = [word.lower() for word in back]
    verb = next((MONEY[word] for word in reversed(low[-8:]) if word in MONEY), "")
    rate = joined_after(list(ahead), 0)
    per = rate if rate[:1] == ["per"] else []
    names: list[str] = []
    if label and label[-1] in MONEY_NOUNS:
        names.append(join_words(prefix, label[-2:], per, suffix))
    after = re.search(r"\bafter (?:\w+ing )?(.*)", " ".join(low))
    if low and set(low[-3:]) & set(HAS):
        nouns, _ = phrase_after(words_of(after[1])) if after else ([], 0)
        names += [join_words("money_after", nouns[-2:])] if nouns else []
        names.append(join_words(prefix, "money", suffix or ("left" if sign == "-" else "")))
        names.append(join_words(prefix, subject, "money", suffix))
    elif label and verb in ("", "cost", "price", "sale_price", "value", "money"):
        noun = {"": "cost", "money": "cost"}.get(verb, verb)
        names.append(join_words(prefix, label[-2:], "" if label[-1] in MONEY_NOUNS else noun, per, suffix))
    if verb and verb != "money":
        names += [join_words(prefix, verb, per, suffix), join_words(prefix, subject, verb, per, suffix)]
        names += [join_words(label[-2:], verb)] if label else []
    return names
