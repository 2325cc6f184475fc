"""What a training learns from, in token ids: solutions with their labels, or rows of packed raw text."""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from slipstick.encode.encoding import IGNORED, Encoded, encode_within, format_name
from slipstick.encode.tokens import eos_id, token_ids
from slipstick.errors import InputError, did_you_mean
from slipstick.formats import Format
from slipstick.plugins import list_plugins
from slipstick.schema import Problem, Solution
from slipstick.train.settings import TrainSettings

Pair = tuple[Solution, Problem]


class Examples(NamedTuple):
    """Encoded examples, and how many rows were left out or cut."""

    encoded: list[Encoded]
    """The encoded examples."""
    groups: list[str]
    """The format of each."""
    too_long: int = 0
    """Rows left out because they exceed `max_length`."""
    unlabelled: int = 0
    """Rows left out because none of their tokens is a label."""
    cut: int = 0
    """Examples that lost blocks at their end to fit."""

    def lengths(self) -> list[int]:
        """Tokens of each."""
        return [len(example.ids) for example in self.encoded]


def encode_solutions(
    pairs: Sequence[Pair], formats: Mapping[str, Format], tokenizer: Any, settings: TrainSettings
) -> Examples:
    """The solutions that fit and have a label. Raises InputError if none has, saying why."""
    encoded, groups, too_long, unlabelled, cut = [], [], 0, 0, 0
    for solution, problem in pairs:
        name = format_name(solution)
        example, shortened = encode_within(
            solution, problem, formats[name], tokenizer, settings=settings, seed=settings.seed
        )
        if example is None:
            too_long += 1
        elif any(label != IGNORED for label in example.labels[1:]):
            encoded.append(example)
            groups.append(name)
            cut += shortened
        else:
            unlabelled += 1
    if not encoded:
        raise InputError(f"none of {len(pairs)} solutions is usable: {_why_none(len(pairs), too_long, settings)}")
    return Examples(encoded, groups, too_long, unlabelled, cut)


def pack_texts(texts: Iterable[str], tokenizer: Any, settings: TrainSettings) -> Examples:
    """Raw texts one after another, an end of text between, cut into rows of `max_length`; every token is a label.

    The last row may be shorter. Raises InputError if there is no text.
    """
    end, length = eos_id(tokenizer), settings.max_length
    encoded: list[Encoded] = []
    rest: list[int] = []
    for text in texts:
        (ids,) = token_ids(tokenizer, [text])
        rest += [*ids, end]
        whole = len(rest) - len(rest) % length
        encoded += [_all_labels(rest[at : at + length]) for at in range(0, whole, length)]
        rest = rest[whole:]
    if len(rest) > 1:
        encoded.append(_all_labels(rest))
    if not encoded:
        raise InputError("there is no text to train on: every source is empty")
    return Examples(encoded, ["text"] * len(encoded))


def _all_labels(ids: list[int]) -> Encoded:
    return Encoded(ids, ids)


def _why_none(rows: int, too_long: int, settings: TrainSettings) -> str:
    if not rows:
        return "there are none"
    if too_long == rows:
        return (
            f"all are longer than max_length = {settings.max_length} tokens; set a larger max_length, "
            'or too_long = "cut"'
        )
    return (
        "not one of their tokens is a label, as the model wrote nothing in them; train on solutions that have words "
        "or code of a model's, or set train_on_outputs = true to learn the interpreter's outputs"
    )


def check_phases(settings: TrainSettings, given: Collection[str], usable: Collection[str]) -> None:
    """Raises InputError if a phase gives weight to a format that no solution is in, as its mix would be another one.

    given: formats of the solutions; usable: of those that fit and have a label.
    """
    asked = dict.fromkeys(name for phase in settings.phases for name, weight in phase.mix.items() if weight > 0)
    missing = [name for name in asked if name not in usable]
    if not given or not missing:
        return
    near = {name: did_you_mean(name, given) for name in missing if name not in list_plugins("formats")}
    named = ", ".join(f"{name}{near.get(name, '')}" for name in missing)
    if any(name not in given for name in missing):
        why, remedy = f"the solutions are in {', '.join(sorted(given))}", "take it out of `mix`"
    else:
        why = (
            f"all solutions in it are left out, as longer than max_length = {settings.max_length} tokens or unlabelled"
        )
        remedy = 'set a larger max_length, or too_long = "cut"'
    raise InputError(
        f"a phase asks for {named}, but {why}: {remedy}, or --set phases=[] trains on all of them in one mix"
    )


def hide_words(examples: Sequence[Encoded], tokenizer: Any, *, share: float, seed: int) -> list[Encoded]:
    """Word dropout (Iyyer et al. 2015, section 3): about `share` of the question's words become the padding token.

    A small model that has seen a few hundred sentences recognises each by single words; if those are missing at times
    it learns to use the others too, and copes better with a sentence of a new shape. Each example has a share of its
    own, between none and twice `share`. Numbers, signs, single letters and pieces of words are never hidden. The same
    seed hides the same words.
    """
    hidden = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    words = {i for i in range(len(tokenizer)) if _is_word(tokenizer.decode([i]))}
    return [_hide(example, words, hidden, share, random.Random(f"{seed}/{n}")) for n, example in enumerate(examples)]


def _hide(example: Encoded, words: set[int], hidden: int, share: float, draw: random.Random) -> Encoded:
    start = next((place for place, label in enumerate(example.labels) if label != IGNORED), 0)
    chance = 2 * share * draw.random()
    asked = [hidden if token in words and draw.random() < chance else token for token in example.ids[:start]]
    return Encoded([*asked, *example.ids[start:]], example.labels)


def _is_word(text: str) -> bool:
    word = text.strip(" ")
    return len(word) > 1 and word.isalpha()
