"""Abstract multiple-choice problems: nothing to compute, three options, exactly one of them correct."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from slipstick.problems.synthetic.grammar import WORDS, fill, word_it

NAMES = tuple(WORDS["name"].split("|"))
WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
COLOURS = ("red", "blue", "green", "black", "white", "pink")
BEINGS = ("wug", "dak", "blick", "toma", "fep", "zorp", "gim", "lorn")
OBJECTS = ("cup", "hat", "pen", "ball", "key", "book")
SHAPES = ("circle", "square", "star", "cross", "heart", "moon")
UNKNOWN = "cannot be known"


@dataclass(frozen=True, slots=True)
class Puzzle:
    """One abstract problem before its options have letters."""

    text: str
    """The question, without its options."""
    options: list[str]
    """Three, the correct one among them."""
    right: str
    """The correct option."""
    reasoning: str
    """Sentences that lead to the correct option."""


def ordering(rng: Random) -> Puzzle:
    """Who of three is first, second or last if two neighbours are compared."""
    more, most, less, least = rng.choice(
        (
            ("taller", "tallest", "shorter", "shortest"),
            ("older", "oldest", "younger", "youngest"),
            ("faster", "fastest", "slower", "slowest"),
            ("richer", "richest", "poorer", "poorest"),
        )
    )
    high, middle, low = rng.sample(NAMES, 3)
    pairs = [(high, middle), (middle, low)]
    facts = [rng.choice((f"{a} is {more} than {b}.", f"{b} is {less} than {a}.")) for a, b in pairs]
    rng.shuffle(facts)
    asked, right = rng.choice(((most, high), (least, low), (f"second {most}", middle)))
    text = _say(
        rng,
        "{facts} [who|which one] is the {asked}[| of all| of the three]?",
        "[which of them|who of them|who of the three] is the {asked}: {facts}",
        facts=" ".join(facts),
        asked=asked,
    )
    return Puzzle(text, [high, middle, low], right, f"{high} > {middle} > {low}. The {asked} is {right}.")


def days(rng: Random) -> Puzzle:
    """Which day of the week it is some days on or back."""
    start, step, back = rng.randrange(7), rng.randint(2, 5), rng.random() < 0.5
    walk = [WEEK[(start + (-i if back else i)) % 7] for i in range(step + 1)]
    others = rng.sample([day for day in WEEK if day != walk[-1]], 2)
    later = "[today is|it is|now it is] {day}. [what|which] day [is it|will it be|comes] {step} days [later|from now]?"
    ago = "[today is|it is|now it is] {day}. [what|which] day was it {step} days [ago|before]?"
    text = _say(rng, ago if back else later, day=walk[0], step=step)
    return Puzzle(text, [walk[-1], *others], walk[-1], f"{', '.join(walk)}. It is {walk[-1]}.")


def day_pairs(rng: Random) -> Puzzle:
    """One day is to another as a third is to which."""
    step = rng.choice((1, 2, -1, -2))
    first, second = rng.sample(range(7), 2)
    right = WEEK[(second + step) % 7]
    others = rng.sample([day for day in WEEK if day != right], 2)
    text = _say(
        rng,
        "{a} is to {b} as {c} is to [what|which day]?",
        "[what|which day] is to {c} as {b} is to {a}?",
        "[{a} goes with {b}|{a} and {b} are a pair]. [what|which day] goes with {c} in the same way?",
        a=WEEK[first],
        b=WEEK[(first + step) % 7],
        c=WEEK[second],
    )
    way = f"{abs(step)} {'on' if step > 0 else 'back'}"
    return Puzzle(text, [right, *others], right, f"It goes {way}. From {WEEK[second]} {way} is {right}.")


def parity(rng: Random) -> Puzzle:
    """Whether a sum or product is even or odd, with the parity of its parts known or not."""
    a, b = rng.choice(("even", "odd")), rng.choice(("even", "odd", "any"))
    word = rng.choice(("sum", "product"))
    if word == "product" and "even" in (a, b):
        right = "even"
    elif b == "any":
        right = UNKNOWN
    else:
        right = "odd" if (word == "product") == (a == b) else "even"
    x, y = rng.sample("cdkmnpqrstuvwxyz", 2)
    text = _say(
        rng,
        "[the number|number|the integer] {x} is {a} and {y} is {b}. [what is|what do we know of] [the|their] {word}?",
        "[what is|what do we know of] the {word} of {x} and {y} [if|when] {x} is {a} and {y} is {b}?",
        "[take|look at] two numbers. {x} is {a}, {y} is {b}. [what is|what do we know of] [the|their] {word}?",
        x=x,
        y=y,
        a=a,
        b="any number" if b == "any" else b,
        word=word,
    )
    sign = "+" if word == "sum" else "*"
    return Puzzle(text, ["even", "odd", UNKNOWN], right, f"{a} {sign} {b} is {right}.")


def turning(rng: Random) -> Puzzle:
    """Which way somebody faces after some turns."""
    compass = ("north", "east", "south", "west")
    place = rng.randrange(4)
    start, turns, path = compass[place], [], []
    for _ in range(rng.randint(1, 3)):
        turn = rng.choice(("right", "left"))
        place = (place + (1 if turn == "right" else -1)) % 4
        turns.append(turn)
        path.append(f"{turn} is {compass[place]}")
    right = compass[place]
    others = rng.sample([way for way in compass if way != right], 2)
    text = _say(
        rng,
        "{name} [faces|looks] {start} and turns {turns}. [which way|where] does {name} [face|look] now?",
        "[which way|where] does {name} [face|look] after turning {turns}, [beginning|starting] at {start}?",
        "{name} [stood|was] facing {start}, then turned {turns}. what is in front of {name}?",
        name=rng.choice(NAMES),
        start=start,
        turns=" then ".join(turns),
    )
    return Puzzle(text, [right, *others], right, f"From {start}, {', '.join(path)}. It is {right}.")


def pattern(rng: Random) -> Puzzle:
    """What comes next in a row that repeats three shapes."""
    shapes = rng.sample(SHAPES, 3)
    shown = rng.randint(5, 8)
    row = [shapes[i % 3] for i in range(shown)]
    right = shapes[shown % 3]
    text = _say(
        rng,
        "[what|which shape] comes next: {row}?",
        "[a row goes|a row is|look at] {row}. [what|which shape] comes next?",
        "{name} [draws|paints] {row}. [what|which shape] should {name} [draw|paint] next?",
        row=", ".join(row),
        name=rng.choice(NAMES),
    )
    repeated = ", ".join(shapes)
    return Puzzle(text, shapes, right, f"The row repeats {repeated}. After {row[-1]} comes {right}.")


def swapping(rng: Random) -> Puzzle:
    """Who has what after some swaps."""
    people, things = rng.sample(NAMES, 3), rng.sample(OBJECTS, 3)
    holds = dict(zip(people, things, strict=True))
    start = ", ".join(f"{name} has the {thing}" for name, thing in holds.items())
    swaps, states = [], []
    for _ in range(rng.randint(1, 2)):
        a, b = rng.sample(people, 2)
        holds[a], holds[b] = holds[b], holds[a]
        swaps.append(f"{a} and {b}")
        states.append(", ".join(f"{name} {thing}" for name, thing in holds.items()))
    who = rng.choice(people)
    text = _say(
        rng,
        "{start}. {swaps} [swap|trade]. what does {who} have [now|in the end]?",
        "{start}. now {swaps} [swap|trade]. [what|which thing] is with {who}[| then]?",
        start=start,
        swaps=", then ".join(swaps),
        who=who,
    )
    return Puzzle(text, things, holds[who], f"{'; '.join(states)}. {who} has the {holds[who]}.")


def inheriting(rng: Random) -> Puzzle:
    """Which colour one has by belonging to a kind."""
    kinds, colours = rng.sample(BEINGS, 3), rng.sample(COLOURS, 3)
    facts = [rng.choice((f"every {k} is {c}.", f"all {k}s are {c}.")) for k, c in zip(kinds, colours, strict=True)]
    rng.shuffle(facts)
    place, name = rng.randrange(3), rng.choice(NAMES)
    text = _say(
        rng,
        "{facts} {name} is a {kind}. what [colour is|is the colour of] {name}?",
        "{name} is a {kind}. {facts} what [colour is|is the colour of] {name}?",
        facts=" ".join(facts),
        name=name,
        kind=kinds[place],
    )
    reasoning = f"{name} is a {kinds[place]}. Every {kinds[place]} is {colours[place]}. {name} is {colours[place]}."
    return Puzzle(text, colours, colours[place], reasoning)


def syllogism(rng: Random) -> Puzzle:
    """What follows from two sentences about kinds."""
    a, b, c = rng.sample(BEINGS, 3)
    facts, right, why = rng.choice(
        (
            ([f"all {a}s are {b}s.", f"all {b}s are {c}s."], "yes", f"{a} is in {b} and {b} is in {c}"),
            ([f"all {a}s are {b}s.", f"no {b}s are {c}s."], "no", f"{a} is in {b} and {b} is out of {c}"),
            ([f"all {a}s are {b}s.", f"all {c}s are {b}s."], UNKNOWN, f"{a} is in {b} and {c} is in {b}"),
        )
    )
    rng.shuffle(facts)
    text = _say(
        rng,
        "{facts} is [every|each] {a} a {c}?",
        "must [every|each] {a} be a {c} if this is true: {facts}",
        "{facts} {name} [has|sees|finds] a {a}. is it a {c}?",
        facts=" ".join(facts),
        a=a,
        c=c,
        name=rng.choice(NAMES),
    )
    reasoning = f"{why}. It {right}." if right == UNKNOWN else f"{why}. It is {right}."
    return Puzzle(text, ["yes", "no", UNKNOWN], right, reasoning)


def knights(rng: Random) -> Puzzle:
    """What somebody is, judged by what he says of another: knights tell the truth and knaves lie."""
    speaker, other = rng.sample(NAMES, 2)
    said, known = rng.choice(("knight", "knave")), rng.choice(("knight", "knave"))
    right = "knight" if said == known else "knave"
    text = _say(
        rng,
        "knights tell the truth and knaves lie. {a} says {b} is a {said}. {b} is a {known}. what is {a}?",
        "knaves lie, knights do not. [we know|it is known] {b} is a {known}. {a} says {b} is a {said}. what is {a}?",
        "{a} says {b} is a {said}, but knaves lie[| and knights do not]. {b} is a {known}. what is {a}?",
        a=speaker,
        b=other,
        said=said,
        known=known,
    )
    truth = "true" if said == known else "a lie"
    reasoning = f"{speaker} says {said} and it is {known}. That is {truth}. {speaker} is a {right}."
    return Puzzle(text, ["knight", "knave", UNKNOWN], right, reasoning)


def conditional(rng: Random) -> Puzzle:
    """What follows from an if-sentence and one fact: forward, backward, or nothing."""
    colour, light = rng.sample(COLOURS, 2)
    if_part, then_part = f"the {colour} lamp", f"the {light} bell"
    forward, positive = rng.random() < 0.5, rng.random() < 0.5
    fact = f"{if_part if forward else then_part} is {'on' if positive else 'off'}."
    asked = then_part if forward else if_part
    right = {(True, True): "on", (False, False): "off"}.get((forward, positive), UNKNOWN)
    text = _say(
        rng,
        "[if|when] {p} is on, {q} is on. {fact} how is {asked}?",
        "{fact} [whenever|when|if] {p} is on, {q} is on. how is {asked}?",
        "{q} is [always |]on when {p} is on. {fact} how is {asked}?",
        p=if_part,
        q=then_part,
        fact=fact,
        asked=asked,
    )
    rule = f"{colour} on gives {light} on"
    back = f"{light} off gives {colour} off"
    reasoning = f"{rule}, {back}. We know {fact} So {asked} {'is ' if right != UNKNOWN else ''}{right}."
    return Puzzle(text, ["on", "off", UNKNOWN], right, reasoning)


def membership(rng: Random) -> Puzzle:
    """Which element two sets share."""
    a, b, c, d, e = rng.sample(OBJECTS, 5)
    first, second = [a, b, c], [c, d, e]
    rng.shuffle(first)
    rng.shuffle(second)
    x, y = rng.sample(NAMES, 2)
    text = _say(
        rng,
        "{x} has a {first}. {y} has a {second}. [which|what] do both have?",
        "[which|what] do {x} and {y} both have if {x} has a {first} and {y} a {second}?",
        "the box of {x} holds a {first}. the box of {y} holds a {second}. [which|what] is in both?",
        x=x,
        y=y,
        first=", a ".join(first),
        second=", a ".join(second),
    )
    reasoning = f"{x}: {', '.join(first)}. {y}: {', '.join(second)}. Both have {c}."
    return Puzzle(text, [c, rng.choice((a, b)), rng.choice((d, e))], c, reasoning)


KINDS: tuple[Callable[[Random], Puzzle], ...] = (
    ordering,
    days,
    day_pairs,
    parity,
    turning,
    pattern,
    swapping,
    inheriting,
    syllogism,
    knights,
    conditional,
    membership,
)


def lettered(puzzle: Puzzle, rng: Random) -> tuple[str, list[str], str, str]:
    """Text with its options, the options in their order, the correct letter, and the reasoning in full."""
    options = list(puzzle.options)
    rng.shuffle(options)
    letters = "ABCDEFG"[: len(options)]
    right = letters[options.index(puzzle.right)]
    text = " ".join(f"({letter}) {option}" for letter, option in zip(letters, options, strict=True))
    # In words, not by its letter: to look up which letter belongs to a word is beyond a model of this size.
    reasoning = f"{puzzle.reasoning} The answer is {puzzle.right}."
    return f"{puzzle.text} Answer Choices: {text}", options, right, reasoning


def _say(rng: Random, *skeletons: str, **fields: object) -> str:
    return fill(word_it(rng.choice(skeletons), rng), fields)
