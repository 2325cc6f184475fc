r"""From what stands behind a marker to the answer alone: its sentence, its label and its decoration are cut off."""

import re
from collections.abc import Iterator

from slipstick.answers.bold import bold_at_the_end, without_bold
from slipstick.answers.clauses import clause_end, states_several, wavers
from slipstick.answers.dollars import FORMULA_BEGINS, FORMULA_ENDED, is_price
from slipstick.answers.emoji import without_emoji
from slipstick.answers.found import Found
from slipstick.answers.remarks import without_remark
from slipstick.answers.values import NUMBER, QUANTITY, UNIT_BEHIND, value_at
from slipstick.answers.words import CJK, decimal_comma, words

VALUE = re.compile(rf"[-−–+±]?(?:\\?[$€£¥]\s?)?(?:{NUMBER}|\\[A-Za-z(\[]|[√π∞$\[{{(|])")
"""How a value begins."""
_FORMULA = re.compile(
    r"\$\$(?P<a>.{1,1000}?)\$\$|\\\[(?P<b>.{1,1000}?)\\\]|\\\((?P<c>.{1,1000}?)\\\)|(?<!\\)\$"
    rf"(?P<d>{FORMULA_BEGINS}[^$\n]{{1,1000}}?)(?<!\\)\${FORMULA_ENDED}",
    re.DOTALL,
)
# A prose tail that goes on after the answer: "12, because ...", "7, not 8", "13 (since 6 + 7 = 13)", "D, it is not A".
_AFTERWARDS = re.compile(
    r"(?:,|(?<!\s))\s++(?:because|since|(?:(?:of|in|from|for)\s+)?which|denn|weil|car|parce que|puisque|ya que"
    r"|porque|puesto que|pois|já que|perché|poiché"
    r"|так как|потому что|поскольку|as\s+(?:we|the|shown|required|desired|expected)|not\b|so\b|where\b|i\s+hope"
    r"|rather\s+than|instead\s+of"
    r"|hence|therefore"
    r"|(?:as|for|while|whereas|although|though|but)(?=\s+[(*$]*(?:[-−]?\d[\d.,/]*|(?-i:[A-J]))[)*$]*\s+"
    r"(?:is|are|was|cannot|can['’]t|does|doesn['’]t|fails)\b))\b"
    r"|(?<!\s)\s++\((?=\s*+(?:since|because|as|that\s+is|i\.\s?e\.|which|where|from|see|note|given|after|[^()]*=))"
    r"|,\s+(?:it|they|this|that|these|we|you|while|whereas|although|though|but|and\s+not)\b(?!\s+is\s*$)",
    re.IGNORECASE,
)
_WHICH_IS = re.compile(
    r"(?!\s*[-−–$*(\\]*\d)[^.!?\n]{1,120}?,\s++(?:which|that)\s+(?:is|equals|gives|makes|comes\s+to)\s+(?P<value>[-−]?\$?\d[\d.,/]*)[.\s]*\Z"
    r"|[^.!?\n,]{0,40}?\d[^!?\n,]{0,20},?\s++(?:which|that|and\s+this)\s+rounds\s+(?:up\s+|down\s+|off\s+)?to\s+(?P<rounded>[-−]?\$?\d.*)"
)
"""A computation with its result behind it, "the sum of 3 and 4, which is 7", or a value that is rounded."""
_OR_ELSE = re.compile(
    r"(?P<one>[^()\n]{1,80}?)\s*+\((?:or|alternatively|o|ou|oder|или|lub|eller"
    r"|atau|o bien|ou bien|或者?|または|또는)(?=\W|\d)(?:\s+possibly|,)?\s*(?P<other>[^()\n]{1,80})\)"
)
"""Two values, one of them in brackets: 174 (or 490)."""
_JOINT = re.compile(r"(?:\s*[,、]\s*|\s+)(?:(?P<either>or|oder|ou|или|或)\s+|(?:and|und|et|и|和)\s+)?(?=\$|\\[(\[])")
"""What stands between listed formulas."""
_SENTENCE_END = re.compile(
    r"(?<![\d\s])[.!](?=\s+[A-Z*$\\#<]|\s*$)|[。！]|\n\n|<\|"
    r"|(?<=\d)[.!](?=\s+[A-Z*$\\#<]|\s*$)"
    r"(?!\s+(?:Jan|Jän|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)[a-zä]*\b)"
)
"""The end of an answer's sentence; not behind the day of a date, "1. März"."""
_HEDGES = re.compile(
    r"(?i)^(?:(?:for sure|definitely|certainly|clearly|surely|obviously|simply|indeed|therefore|thus|actually"
    r"|really|then|hence|donc|also|somit|daher|genau|por tanto|por lo tanto|entonces|exactamente|portanto|logo|dunque"
    r"|quindi|следовательно|таким образом|ровно|now|just|of course|as follows|given by|found to be)\b[\s,:]*)+"
    r"|^(?:(?:la|the|die|a|le|el|il)\s+)?(?:opci[oó]n|option|alternativ\w*|antwort\w*|réponse|respuesta|risposta|opzione|opção|letra|lettre|lettera"
    r"|вариант|ответ|选项|choice|letter|answer|statement|buchstabe)\s+[*(]*(?=(?-i:[A-J])\b)|^(?:la|the|die|le|el|il)\s+[*(]*(?=(?-i:[A-J])\b)"
    r"|^(?:der|den|am|le|il)\s+(?=\d{1,2}(?:\.|er)\s+[^\W\d_]{3,})"
)
_OWNER = re.compile(
    r"(?:(?:der|die|das|le|la|el|o|a|il|il y)\s)?(?:[A-ZÀ-Þ][\wÀ-ɏ]*|reste|elle|il|sie|er|ella|él)\s"
    r"(?:a|ha|hat|tiene|tem|have|has|had|pays?|gets?"
    r"|earns?|needs?|costs?|paie|gagne|coûte|reste|paga|gana|cuesta|custa|ganha|zahlt|bezahlt|kostet|verdient)\s(?=[-−]?[$€£]?\d)"
)
"""Who or what a number belongs to: "Paul a 24 billes"."""
_MONEY = re.compile(r"\$\d")
_BUT = re.compile(r"(?i)\bbut\s+(?:rather\s+|actually\s+|instead\s+)?")
_LABEL = re.compile(
    r"(?i)^[\s*$]*(?:\\(?:text|textbf|textit|mathrm|mathbf|bf|mbox)\s*\{\s*(?:the\s+)?(?:final\s+)?(?:answer"
    r"|ans)(?:\s+is)?\s*[:=]?\s*\}"
    r"|(?:the\s+)?(?:final\s+)?(?:answer|ans)\s*[:=])\s*[:=]?\s*(?:\\[ ,;:]|~)*"
)
_LONGEST = 2_000
"""Characters behind a marker in which the answer is looked for."""
_IN_PHRASE = re.compile(
    r"(?i)\b(?:in|over|within|for|after|at|per|out of|of|from|every|dans|en|in|nach|über|binnen|durante|tra"
    r"|entro|за|через)\s+"
    r"(?:the|a|an|each|all|les|le|la|los|las|den|die|der)?\s*$"
)


_RELATION = re.compile(
    r"(?i)\b(?:than|half|squared?|cubed?|root|reciprocal|multiple|times|double|twice"
    r"|number of|digits|interval|factorial|prime|below|above|to the power)\b"
    r"|\b(?:(?:negative|opposite)\s+of|an?\s+(?:hour|minute|day)\s+and)\b"
    r"|\b(?:thirds?|quarters?|fourths?|fifths?|sixths?|sevenths?|eighths?|ninths?|tenths?)\s+of\s+\d[\d.,/]*\s*$"
    r"|\b(?:sum|product|difference|quotient)\s+(?:of|between)\s+\d\S*\s+and\s+\d[\d.,/]*\s*$"
)
"""Words that make another value of a number beside them."""


def strip_label(text: str) -> str:
    r"""An answer without a label inside it: `\text{ANSWER: } \$460` is `\$460`."""
    return text[label.end() :] if (label := _LABEL.match(text)) and text[label.end() :].strip(" $*}\\]") else text


def cut(text: str, start: int, end: int, *, rule: str, kind: str | None) -> Found | None:
    """The answer at the start of text[start:end]; None if there is none, or a question, or a value that is denied."""
    end = min(end, start + _LONGEST)
    end = start + len(without_emoji(text[start:end]))
    tail = text[start:end]
    if hedge := _HEDGES.match(tail.lstrip(" *")):
        start += len(tail) - len(tail.lstrip(" *")) + hedge.end()
        tail = text[start:end]
    if re.match(r"(?i)[\s*:]*(?:not|nicht|pas|no|nie|non|не|不是)\*{0,2}\s+(?=[\d$\\(*]|[A-J]\b)", tail):
        if not (but := _BUT.search(tail)):
            return None
        start += but.end()
        tail = text[start:end]
    formula = _FORMULA.match(tail.lstrip(" *"))
    if formula and not _MONEY.match(tail.lstrip(" *")[formula.end() - 1 :]):
        rest = tail.lstrip(" *")[formula.end() :]
        unit = UNIT_BEHIND.match(rest) or re.match(r"\s*(?:\\?%|[A-Za-z]+(?:\^?\d)?)?(?=[\s.,!*]*$)", rest)
        tail = _listed(tail.lstrip(" *"), formula) or formula.group(0) + (unit.group(0) if unit else "")
    else:
        if stop := _SENTENCE_END.search(tail):
            if tail[stop.end() :].lstrip().startswith("?"):
                return None
            tail = tail[: stop.start()]
        if re.search(r"[?？](?:\s|$)", tail):
            return None
        if kind != "choice" and (bold := bold_at_the_end(tail)):
            return _at(text, start + bold[0], start + bold[1], trim(tail[slice(*bold)]), rule)
        if other := _OR_ELSE.match(tail):
            tail = f"{other['one']} or {other['other']}"  # of the same value, or no answer
        elif kind != "choice" and wavers(tail):
            return _at(text, start, end, trim(tail), rule)
        elif kind != "choice" and (goes_on := clause_end(tail)):
            tail = tail[:goes_on]
        if result := _WHICH_IS.match(tail):
            name = result.lastgroup or "value"
            start += result.start(name)
            tail = result[name]
        if (afterwards := _AFTERWARDS.search(tail)) and tail[: afterwards.start()].strip(" *:$"):
            tail = tail[: afterwards.start()]
        tail = without_remark(tail, kind=kind)
        if kind == "text" and (truth := _TRUTH.match(tail)):
            tail = truth.group()
    answer = trim(tail)
    if not answer:
        return None
    found = _at(text, start, end, answer, rule)
    if kind == "number" and (owner := _OWNER.match(answer)):
        found = found.within(answer[owner.end() :], owner.end(), len(answer))
    return _out_of_prose(found, bare=kind == "number") if kind in (None, "number", "latex", "list") else found


def _at(text: str, start: int, end: int, answer: str, rule: str) -> Found:
    place = text.find(answer, start, end) if answer in text[start:end] else start
    return Found(answer, place, place + len(answer), rule)


def _listed(text: str, formula: re.Match[str]) -> str | None:
    """Formulas that are listed from one on, "$x=1$ and $y=2$", as one answer: all up to the sentence's end, or "or"."""
    parts, either, end = [formula[formula.lastgroup or 0]], False, formula.end()
    while (joint := _JOINT.match(text, end)) and (more := _FORMULA.match(text, joint.end())):
        either = either or joint["either"] is not None
        parts.append(more[more.lastgroup or 0])
        end = more.end()
    if len(parts) == 1 or not (either or re.match(r"[\s*]*(?:[.!]|$|\n)", text[end:])):
        return None
    return (" or " if either else ", ").join(trim(part) for part in parts)


_TRUTH = re.compile(r"\s*\**(?:yes|no|true|false)\**(?=\s*[:;–—])", re.IGNORECASE)
"""A truth value before its reason: "yes: 36 is a square"."""
_AMOUNT = r"\\?[$€£]?[-−]?\d[\d.,]*(?:/\d+)?(?<!,)(?:\s?\\?%)?"
_LEADS = re.compile(
    rf"\**(?P<value>{_AMOUNT}(?:\s(?!(?:for|in|by|out|of|to|from|with|or|and|but|is|are|more|less|fewer|times|as)\b)[a-z]+){{0,2}}?)\**"
    r"(?:,?\s(?:(?:for|by|with|obtained|found|leaving|making|giving)\s(?:[a-z]+\s){1,4}?(?:of\s)?|or\s(?=[$€£\d][\d.,]*\s[a-z]+\b)"
    r"|i\.\s?e\.,?\s|out\sof\s(?:the\s)?|in\s(?:[a-z]+\s)?(?:for\s)?|to\s(?!the\s)[a-z]+\s|an?\s(?:day|week|month|year|hour),?\sor\s)"
    r"|,\s(?=\d+\s[a-z]+\sand\s\d)|\s\((?=\d+\s[a-z]+(?:\s[a-z]+)?\sand\s\d))(?=[^\n]*\d)",
    re.IGNORECASE,
)
"""A value with its noun before words that say more of it, with other numbers: "$10, for a total of $210"."""
_LEADS_ALONE = re.compile(rf"\**{_AMOUNT}(?:\s[a-z]+){{0,2}}\**,\s(?:and|but|so|while)\s[a-z]")
"""A value before another clause: "15, and y is 3"."""


def _out_of_prose(found: Found, *, bare: bool) -> Found | None:
    """'the largest n is 34' -> '34': the mathematics in a tail that is a sentence."""
    found_words = re.findall(
        rf"[A-Za-zÀ-ɏа-яА-Я]{{2,}}|[{CJK}]{{2,}}", re.sub(r"\\[A-Za-z]+|\$[^$]*\$|\\\(.*?\\\)", " ", found.text)
    )
    maths = list(_FORMULA.finditer(found.text))
    if maths and found_words and not found.text[maths[-1].end() :].strip(" .*"):
        return found.within(trim(maths[-1].group()), *maths[-1].span())
    if not states_several(found.text) and (leads := _LEADS.match(found.text)) and not wavers(found.text):
        return found.within(leads["value"].strip(), *leads.span("value"))
    said_after = not _LEADS_ALONE.match(found.text) and found_words
    rest = re.split(r"\b(?:is|are|equals)\b", found.text)[-1].strip() if said_after else found.text
    if re.search(r"(?i)\bunless\b", found.text) or states_several(found.text):
        return found  # a value of another case is none, nor is one of several the answer
    if rest != found.text and len(rest.split()) <= 4 and re.search(r"[\d$\\]", rest):
        place = found.start + found.text.rfind(rest)
        return Found(trim(rest), place, place + len(rest), found.rule)
    glued = len(re.findall(f"[{CJK}]", found.text.split("=")[-1])) >= 2 and not re.match(r"[-−\d$\\(\[]", found.text)
    late = [match for match in QUANTITY.finditer(found.text) if match.end() + 12 >= len(found.text)]
    if len(found_words) < 4 and not glued and not (len(found_words) == 3 and late and not VALUE.match(found.text)):
        return found
    if maths and re.search(r"\d|\\", maths[-1].group(0)):
        return found.within(trim(maths[-1].group()), *maths[-1].span())
    if _RELATION.search(found.text) and not re.search(r"=|\bis\b", found.text):
        return found  # what it says of a number is for the comparison to read
    return _number_of(found, bare=bare)


def _number_of(found: Found, *, bare: bool) -> Found:
    """The number in a sentence that says what it is of: not the one behind "in" or "over"."""
    numbers = [
        match
        for match in QUANTITY.finditer(found.text)
        if not _IN_PHRASE.search(found.text, max(0, match.start() - 20), match.start())
    ] or list(QUANTITY.finditer(found.text))
    leads = numbers and not found.text[: numbers[0].start()].strip(" *~≈") and "=" not in found.text
    number = numbers[0] if leads else next((one for one in numbers if one["money"] or one["behind"]), None)
    number = number or (numbers[-1] if numbers else None)
    if number is None:
        return found
    value = value_at(found.text, number, bare=bare)
    if unit := words().units.match(found.text, number.end()):
        return found.within(f"{value.text} {words().unit_names[unit.group()]}", value.start, value.end)
    return found.within(value.text, value.start, value.end)


def trim(text: str) -> str:
    r"""Without the white space, bold marks, formula signs and the full stop around an answer."""
    before = None
    text = without_bold(text.strip())
    while text != before:
        before = text
        text = text.strip(" \t\n*:").removesuffix("<|im_end|>").removesuffix("</s>").removesuffix("<eoa>")
        if text.endswith((".", ",", ";", "。", "，", "；", "、", "！")) and not text.endswith("..."):
            text = text[:-1]
        for opening, closing in (("$$", "$$"), (r"\[", r"\]"), (r"\(", r"\)"), ("$", "$"), ("`", "`")):
            inner = text[len(opening) : -len(closing)]
            wrapped = len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing)
            if wrapped and opening not in inner:
                text = inner.strip()
        if (
            text.count("$") == 1
            and (text.endswith("$") and not text.endswith(r"\$"))
            and not re.search(r"\d\s\$$", text)
        ):
            text = text[:-1]
        for opening, closing in (("$$", "$$"), (r"\[", r"\]"), (r"\(", r"\)")):
            if text.endswith(closing) and opening not in text[: -len(closing)]:
                text = text[: -len(closing)].rstrip()
        text = strip_label(text)
    return "" if text in ("$", "$$") else text


def tidy(answer: str, text: str) -> str:
    """An answer in the notation that the comparison reads: "36个苹果" is 36, "3,5 Meter" in a German text 3.5 Meter."""
    if answer.isascii() and "'" not in answer and not re.search(r"\d[.,]\d", answer):
        return answer
    answer = _without_counters(answer)
    if re.search(r"\d[.,\u00a0\u202f ]\d", answer) and decimal_comma(text):
        points = re.search(r"(?<![\d,.])\d+\.(?:\d{1,2}|\d{4,})(?![\d.,])", text)
        group = (
            r"(?<![\d.,])(\d{1,3}(?:[.\u00a0\u202f ]\d{3})+)(?![\d.])(?:,(\d+))?"
            if not points
            else r"(?<![\d.,])(\d{1,3}(?:[.\u00a0\u202f ]\d{3})+),(\d+)"
        )
        answer = re.sub(group, lambda m: re.sub(r"\D", "", m[1]) + (f".{m[2]}" if m[2] else ""), answer)
        if is_price := re.search(rf"(?:R\\?\$|€)\s?{re.escape(answer)}(?!\d)|(?<!\d){re.escape(answer)}\s?€", text):
            answer = re.sub(r"(?<=\d),(\d\d)$", r".\1", answer)
        if not is_price and not re.fullmatch(r"[-−]?\d+,\d+", answer.strip("$ ")):
            answer = re.sub(
                r"(?<![\d.,(\[{])(\d+),(\d{1,2}|\d{4,})(?![\d,])(?=\s*(?:[A-Za-zÀ-ɏ°%€$£\\]|$))", r"\1.\2", answer
            )
    return answer


_NO_COUNTER = re.compile(
    r"[十百千万萬亿億兆십백천만억]|[、，。；]|或|和|及|与|跟|还是|以[上下外内]|左右|多|余|分之|分の|割|または|もしくは|あるいは|か(?![月年所国])|と|や|より"
    r"|또는|혹은|이나|이상|이하|미만|초과|분의"
)
"""What begins behind a value and changes it: a multiplier, an alternative, a bound, a fraction."""


def _without_counters(answer: str) -> str:
    """Without what is glued behind a value in a text without spaces; a unit is written as the comparison knows it."""
    if match := words().behind.search(answer):
        answer = answer[: match.start()].rstrip(" *")
    if spaced := re.fullmatch(r"(?P<value>[-−\d.,/]+)\s+(?P<word>[^\W\d_a-zA-ZÀ-ɏ]+)", answer):
        unit_name = words().unit_names.get(spaced["word"], "")
        return f"{spaced['value']} {unit_name}".strip()
    glued = re.fullmatch(rf"(?P<value>.*?[\d}})\]$①-⑳])\s?(?P<word>[{CJK}][{CJK}/\w]{{0,12}})", answer)
    if not glued or re.search(f"[{CJK}]", glued["value"]) or _NO_COUNTER.match(glued["word"]):
        return answer
    if unit := words().units.match(glued["word"]):
        return f"{glued['value']} {words().unit_names[unit.group()]}"
    return glued["value"]


def formulas(text: str, begin: int = 0) -> Iterator[Found]:
    """The displayed and inline formulas of a text, in order, each with its content as its text."""
    opening: re.Match[str] | None = None
    for sign in _SIGNS.finditer(text, begin):
        if opening and sign.group() == _CLOSES[opening.group()]:
            start, end = opening.end(), sign.start()
            prices = sign.group() == "$" and ("\n" in text[start:end] or is_price(text, start, end))
            if start < end <= start + 1000 and not prices:
                yield Found(text[start:end], opening.start(), sign.end(), "formula")
                opening = None
                continue
        if sign.group() in _CLOSES:
            opening = sign


_SIGNS = re.compile(r"\$\$|\\[\[\]()]|(?<!\\)\$")
_CLOSES = {"$$": "$$", r"\[": r"\]", r"\(": r"\)", "$": "$"}
