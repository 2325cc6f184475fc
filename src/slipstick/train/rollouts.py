"""Rollouts: solutions sampled from the model under training, and the token ids and mask that TRL learns from.

TRL asks a rollout function for completions; ours hands the problems to slipstick's own loop of model and interpreter,
takes the token ids as they were generated and masks what the model did not sample.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

from slipstick.answers import final_answer
from slipstick.encode.encoding import format_name
from slipstick.encode.prompts import end_of_turn, lay_out
from slipstick.encode.settings import PromptConfig, Template
from slipstick.encode.tokens import eos_id, text_of, token_ids
from slipstick.equivalence.policies import REWARDS
from slipstick.formats import Format, FormatLoader, Piece, load_format
from slipstick.grade import answer_in
from slipstick.interpreters import InterpreterSettings, open_interpreter
from slipstick.replies.turns import without_unrun_code
from slipstick.schema import Code, Output, Problem, Solution
from slipstick.solve import SolveSettings, attempt
from slipstick.train.settings import RolloutSettings

T = TypeVar("T")
Rollout = Callable[[Sequence[Problem], Sequence[int], Any, Any], list[Solution]]
"""Problems, a sample number for each, model and tokenizer -> a solution of each problem."""
Question = tuple[Problem, Format, int]
"""A problem, the format it is solved in, and the number of the sample."""
Sampler = Callable[[Sequence[Question], Any, Any, PromptConfig], list[Solution]]
"""What is asked, model, tokenizer and how prompts are laid out -> a solution of each."""
_ROWS = 64
"""Most solutions that are decoded together."""


@contextmanager
def open_rollout(settings: RolloutSettings, *, seed: int, template: Template = "format") -> Iterator[Rollout]:
    """A rollout function; its interpreter stays open from one update to the next. template: who lays out prompts."""
    format = load_format(settings.format)
    sampling = SolveSettings(
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_tokens=settings.max_tokens,
        max_turns=settings.max_turns,
        seed=seed,
        return_token_ids=True,
    )
    with open_sampler(settings, sampling, rows=None) as sample:

        def rollout(problems: Sequence[Problem], samples: Sequence[int], model: Any, tokenizer: Any) -> list[Solution]:
            asked = [(problem, format, number) for problem, number in zip(problems, samples, strict=True)]
            return sample(asked, model, tokenizer, PromptConfig(template=template))

        yield rollout


@contextmanager
def open_sampler(
    settings: InterpreterSettings, sampling: SolveSettings, *, rows: int | None = _ROWS
) -> Iterator[Sampler]:
    """A function that has a model in memory solve problems, with an interpreter that stays open between calls.

    rows: most solutions decoded together; None: all. It works in a thread of its own, so that the caller may be in a
    running event loop (a notebook).
    """
    from slipstick.models.hf import HfModel
    from slipstick.models.hf.decode import Decoder

    interpreter = open_interpreter(settings, seed=sampling.seed)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="slipstick-sampler", daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def sample(asked: Sequence[Question], model: Any, tokenizer: Any, config: PromptConfig) -> list[Solution]:
        policy = HfModel("policy", Decoder(model, tokenizer, config), rows=rows or len(asked))
        try:
            return await asyncio.gather(
                *(
                    attempt(problem, format, sample=number, model=policy, interpreter=interpreter, settings=sampling)
                    for problem, format, number in asked
                )
            )
        finally:
            await policy.close()

    try:
        yield lambda *arguments: run(sample(*arguments))
    finally:
        run(interpreter.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def rows_for_trl(
    solutions: Sequence[Solution],
    problems: Mapping[str, Problem],
    tokenizer: Any,
    *,
    one_end: bool = True,
    profile: str = REWARDS,
    load: FormatLoader = load_format,
    template: Template = "format",
    mask_void_turns: bool = False,
) -> dict[str, list[Any]]:
    """Solutions as TRL's rollout function has to return them.

    `env_mask` is 1 for tokens that the model sampled (`turn_ids` has them) and 0 for the rest, from which nothing is
    learnt: what the interpreter wrote, the last characters of a turn that was cut inside a token, and the end token of
    a model that has several (`one_end` is False), as which one it sampled is not kept.
    `found` is each solution's answer by the rules of `profile`, as a sentence that the reward reads.
    load: gives the formats of the solutions. template: who laid out their prompts, "format" or "chat".
    mask_void_turns: the mask of a solution that `has_void_turn` is 0 throughout. It keeps its reward, with which the
    others of its group are compared.
    """
    rows: dict[str, list[Any]] = {"prompt_ids": [], "completion_ids": [], "env_mask": [], "found": []}
    chat = template == "chat"
    end = end_of_turn(tokenizer) if chat else eos_id(tokenizer)
    for solution in solutions:
        format, problem = load(format_name(solution)), problems[solution.problem_id]
        pieces = lay_out(format, problem, solution.blocks, tokenizer, chat=chat, ended=False)
        stretches = _stretches(pieces, solution, tokenizer)
        rests = token_ids(tokenizer, [stretch.rest for stretch in stretches], begin=not chat)
        ids: list[int] = []
        mask: list[int] = []
        for stretch, rest in zip(stretches, rests, strict=True):
            ids += [*stretch.sampled, *rest]
            mask += [1] * len(stretch.sampled) + [0] * len(rest)
        begun = next((i for i, stretch in enumerate(stretches) if stretch.turn is not None), len(stretches))
        start = sum(len(rest) for rest in rests[:begun])
        if _has_end(solution, stretches):
            ids.append(end)
            mask.append(int(one_end))
        start = min(start, len(ids) - 1)  # TRL wants a token, also of a solution that has none
        if mask_void_turns and has_void_turn(solution, format, kind=problem.kind):
            mask = [0] * len(mask)
        rows["prompt_ids"].append(ids[:start])
        rows["completion_ids"].append(ids[start:])
        rows["env_mask"].append(mask[start:])
        answer = answer_in(solution, problem.kind, profile)
        rows["found"].append("" if answer is None else f"The answer is {answer}")
    return {**rows, "logprobs": None}  # type: ignore[dict-item]  # TRL computes them itself if there are none


def has_void_turn(solution: Solution, format: Format, *, kind: str | None = None) -> bool:
    """Whether a turn has neither a complete code block nor a marked answer: a "void turn" of SimpleTIR.

    Xue et al. 2025, arXiv 2509.02479, leave such solutions out of the policy update: a model drifts into them, and
    their improbable tokens have the largest gradients. Only the last turn can be one, as one without code ends a
    solution. kind: that of the problem.
    """
    outputs = [place for place, block in enumerate(solution.blocks) if isinstance(block, Output)]
    if outputs and format.executes == "program":
        return False
    turn = solution.blocks[outputs[-1] + 1 if outputs else 0 :]
    if any(isinstance(block, Code) for block in turn):
        return False
    words, _ = without_unrun_code(format, "".join(block.text for block in turn))
    return final_answer(words, kind=kind, guess=False) is None


def is_faulty(group: Sequence[Solution]) -> bool:
    """Whether the solutions called the interpreter and every call failed by the sandbox's fault, not the program's."""
    outputs = [block for solution in group for block in solution.blocks if isinstance(block, Output)]
    return bool(outputs) and all(output.status == "sandbox_fault" for output in outputs)


class _Stretch(NamedTuple):
    """The tokens of a turn that the model sampled, and the text after them that it did not."""

    turn: int | None
    """None for what is given: the prompt, what the interpreter wrote, a chat template's own text."""
    sampled: list[int]
    rest: str


def _stretches(pieces: Sequence[Piece], solution: Solution, tokenizer: Any) -> list[_Stretch]:
    """The turns, each as one stretch, and what is given, each piece of it by itself, as it was when it was read."""
    found = []
    for turn, group in groupby(pieces, key=lambda piece: piece.turn):
        texts = [piece.text for piece in group]
        if turn is None:
            found += [_Stretch(None, [], text) for text in texts]
            continue
        text = "".join(texts)
        generated = solution.turn_ids[turn] if turn < len(solution.turn_ids) else []
        sampled = generated[: _inside(generated, text, tokenizer)]
        found.append(_Stretch(turn, sampled, text[len(text_of(tokenizer, sampled)) :]))
    return found


def _inside(generated: Sequence[int], text: str, tokenizer: Any) -> int:
    """How many of the ids are completely inside the turn's text: all, unless it was cut at a stop string or a fence."""
    return next(n for n in range(len(generated), -1, -1) if text.startswith(text_of(tokenizer, generated[:n])))


def _has_end(solution: Solution, stretches: Sequence[_Stretch]) -> bool:
    """Whether the model ended the last turn itself: of one that was cut, ids are left that its text has not."""
    if solution.finish != "stop" or not solution.turn_ids:
        return False
    last = len(solution.turn_ids) - 1
    kept = next((stretch.sampled for stretch in stretches if stretch.turn == last), [])
    return kept == solution.turn_ids[last]
