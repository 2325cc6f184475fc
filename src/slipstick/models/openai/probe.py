"""What a server is and how it behaves: what its own pages say, how it answers two short requests, and what it does with
the settings that pass through, if there are any."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from slipstick.formats import tool_schema
from slipstick.models import Sampling
from slipstick.models.openai.client import Client
from slipstick.models.openai.failures import RefusedParameter, RequestFailure
from slipstick.models.openai.replies import Answer, NoCompletionError, read_answer, read_calls

_PAGES = ("/version", "/props", "/get_server_info")
"""In addition to the list of models: vLLM's, llama.cpp's, SGLang's."""
_FACTS = frozenset(
    {
        "root",
        "owned_by",
        "max_model_len",
        "version",
        "dtype",
        "quantization",
        "rope_theta",
        "rope_scaling",
        "context_length",
        "max_running_requests",
        "n_ctx",
        "n_ctx_train",
        "n_params",
        "total_slots",
        "build_info",
        "model_path",
    }
)
_ANY_NAME = "llamacpp"
"""Owner of a model that answers to every name."""
_COUNT = "Write the numbers from 1 to 9 on one line with a space between, and nothing else: 1 2 3"
_WORDS = "Write ten words at random, no two about the same thing, on one line."
_SHORT = 48
_HOT = 1.5
_PLAIN = Sampling(max_tokens=128, seed=0)
_ONE_TOKEN: dict[str, float] = {"top_k": 1, "min_p": 1.0}
"""Values with which a sample can only have the likeliest tokens."""
_ENDS: dict[str, tuple[float, float]] = {"presence_penalty": (-2, 2)}
"""Values that are as far apart as can be."""
_STOP = " 6"
_TOOL = "python"
_PRODUCT = re.compile(r"6\s*\*\s*7")


async def describe(client: Client) -> dict[str, str]:
    """Facts by name: those of `_FACTS` that the server reports, then what it does with stop strings, seed, tools, ...

    Raises RequestFailure if the first request fails.
    """
    facts, behaviour = await asyncio.gather(_facts(client), _behaviour(client))
    return facts | behaviour | (await _tools(client) if client.chat else {}) | await _passed(client)


async def _facts(client: Client) -> dict[str, str]:
    root = client.base_url.rstrip("/").removesuffix("/v1")
    official = root.endswith("//api.openai.com")
    pages = [f"{client.base_url.rstrip('/')}/models", *([] if official else [root + page for page in _PAGES])]
    listed, *others = await asyncio.gather(*(client.get(page) for page in pages))
    rows = listed.get("data") if isinstance(listed, dict) else None
    cards = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    own = [card for card in cards if card.get("id") == client.model or card.get("owned_by") == _ANY_NAME]
    found = {key: _text(value) for page in [own, *others] for key, value in reversed([*_walk(page)])}
    if cards and not own:  # it may answer all the same: the facts of another model are not this one's
        found["models"] = (
            f"{client.model} is not among those listed: {', '.join(str(card.get('id')) for card in cards[:10])}"
        )
    return {key: found[key] for key in sorted(found) if found[key]}


def _walk(page: Any) -> Iterator[tuple[str, Any]]:
    """The facts on a page, outer ones first."""
    inside = []
    if isinstance(page, dict):
        yield from ((key, value) for key, value in page.items() if key in _FACTS and value is not None)
        inside = [value for value in page.values() if isinstance(value, dict | list)]
    elif isinstance(page, list):
        inside = page[:8]
    for value in inside:
        yield from _walk(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


async def _behaviour(client: Client) -> dict[str, str]:
    prompt = _prompt(client, _COUNT)
    logprobs = {"logprobs": True if client.chat else 1}
    try:
        answer = await _ask(client, prompt | logprobs)
    except RefusedParameter:
        logprobs = {}
        answer = await _ask(client, prompt)
    choice = answer.choices[0]
    text = choice.text or choice.message.words()
    refused = not client.capabilities.stop
    usage = answer.usage
    found = {
        "limit": client.capabilities.max_tokens_key,
        "stop": "refused" if refused else _stop(text),
        "seed": "taken" if client.capabilities.seed else "refused: samples cannot be repeated",
        "logprobs": "given" if choice.logprobs else "ignored" if logprobs else "refused",
        "usage": "given" if usage and usage.completion_tokens is not None else "missing: tokens and cost are not known",
        "reasoning": "beside the text" if choice.message.thinking() else "in the text" if "<think>" in text else "none",
    }
    if client.stream:
        found["stream"] = _stream(client)
    return found | ({"prompt": "repeated in the answer"} if _COUNT in text else {})


def _stream(client: Client) -> str:
    """What the server did when it was asked to stream."""
    if not client.capabilities.stream:
        return "refused: replies come as a whole"
    return "given" if client.streams else "ignored: replies come as a whole"


def _stop(text: str) -> str:
    """What the server did with the stop string."""
    if "7" in text:
        return "ignored"
    return "left in" if text.endswith(_STOP) else "cut" if text.rstrip().endswith("5") else "unknown"


async def _tools(client: Client) -> dict[str, str]:
    prompt = {
        "messages": [{"role": "user", "content": "Call the tool python to multiply 6 by 7."}],
        "tools": [tool_schema(_TOOL)],
    }
    try:
        message = (await _ask(client, prompt)).choices[0].message
    except RequestFailure as failure:
        return {"tools": f"refused: {failure}"}
    if calls := message.tool_calls:
        _, refused = read_calls(calls[:1], _TOOL)
        return {"tools": "called without code" if refused else "called"}
    return {"tools": "called in the text only" if _PRODUCT.search(message.words()) else "not called"}


async def _passed(client: Client) -> dict[str, str]:
    """What the server does with each setting that passes through: "taken", "ignored: ...", "no effect seen: ..."."""
    found = {}
    for name in client.passed.parameters:
        try:
            said = await (_cutoff(client, name) if name in _ONE_TOKEN else _effect(client, name))
        except RequestFailure as failure:
            said = f"unknown: {failure}"
        found[client.passed.setting_of(name)] = said
    return found


async def _cutoff(client: Client, name: str) -> str:
    """Whether samples that may take the likeliest token alone are the same, if others differ."""
    without = {key: value for key, value in client.passed.parameters.items() if key not in _ONE_TOKEN}
    free = [await _written(client, _WORDS, _HOT, seed, without) for seed in range(2)]
    if free[0] == free[1]:
        return "unknown: samples at temperature 1.5 do not differ"
    narrow = [await _written(client, _WORDS, _HOT, seed, {**without, name: _ONE_TOKEN[name]}) for seed in range(3)]
    return "taken" if len(set(narrow)) < len(narrow) else f"ignored: with {name} = {_ONE_TOKEN[name]} samples differ"


async def _effect(client: Client, name: str) -> str:
    """Whether an answer at temperature 0 is another one with the parameter than without, its prompt included."""
    given = client.passed.parameters
    without = {key: value for key, value in given.items() if key != name}
    least, most = _ENDS.get(name, (None, given[name]))
    before = without if least is None else {**without, name: least}
    one, other = [await _written(client, _WORDS, 0.0, 0, before) for _ in range(2)]
    if one != other:
        return "unknown: answers at temperature 0 differ"
    changed = await _written(client, _WORDS, 0.0, 0, {**without, name: most})
    return "no effect seen: a short answer is the same without it" if changed == one else "taken"


async def _written(
    client: Client, text: str, temperature: float, seed: int, passed: Mapping[str, Any]
) -> tuple[str, str, int]:
    """Words, thoughts and tokens of the prompt of a short answer. Raises RequestFailure."""
    sampling = Sampling(temperature=temperature, max_tokens=_SHORT, seed=seed)
    answer = await _ask(client, _prompt(client, text), sampling, passed=passed)
    choice, usage = answer.choices[0], answer.usage
    prompt = usage.prompt_tokens if usage else None
    return choice.text or choice.message.words(), choice.message.thinking(), prompt or 0


def _prompt(client: Client, text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]} if client.chat else {"prompt": text}


async def _ask(
    client: Client,
    prompt: dict[str, Any],
    sampling: Sampling = _PLAIN,
    *,
    passed: Mapping[str, Any] | None = None,
) -> Answer:
    """The answer to a short request; passed: as of `Client.complete`. Raises RequestFailure."""
    try:
        return read_answer(await client.complete(prompt, sampling, [_STOP], passed=passed))
    except NoCompletionError as error:
        raise RequestFailure("broken", str(error)) from error
