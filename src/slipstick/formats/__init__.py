"""How a solution is rendered as text: formats are data (a TOML file each); this file renders and parses them all.

Rendering and parsing are inverse to each other: `join(render(f, parse(f, s))) == s` for every string, and
`parse(f, join(render(f, blocks))) == blocks` for every list of blocks a model and an interpreter can produce.

A plug-in is a `Format`, named by an entry point in the group `slipstick.formats`. `recorded.py` keeps a run's formats.
"""

import json
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, model_validator

from slipstick.errors import RecipeError, did_you_mean
from slipstick.plugins import list_plugins, load_plugin
from slipstick.recipe import ONE_OR_MORE, exists
from slipstick.schema import Block, Code, Output, Problem, Record, Text

_SPELLING = re.compile(r"[\s$]|\\[()\[\]]")

_TOOL = "Runs Python and gives back what it prints and the value of its last line. Variables persist from call to call."


class Demonstration(Record):
    """A worked example that a few-shot prompt shows."""

    question: str
    """The question that is shown."""
    response: str
    """The whole response as a model would have written it in this format, the interpreter's outputs included."""


class Format(Record):
    """How solutions are rendered as text. The keys of the code tags are NeMo-Skills' names."""

    name: str
    """Its name in a recipe."""
    executes: Literal["never", "program", "steps"]
    """Whether code is run: never, once as the whole program, or step by step with each output appended."""
    system: str = ""
    """System message for chat models."""
    instruction: str = "{question}"
    """The user message for chat models, and `{instruction}` in `template`."""
    template: str = "{instruction}"
    """The whole prompt for models that continue a text."""
    code_begin: str = ""
    """Opens a code block; '' if the whole response is one program."""
    code_end: str = ""
    """Closes a code block; generation pauses there."""
    code_output_begin: str = ""
    """Opens the interpreter's output."""
    code_output_end: str = ""
    """Closes the interpreter's output."""
    stop: list[str] = Field(default_factory=list)
    """Strings that end the response (cut off)."""
    preamble: str = ""
    """Text before everything else in a prompt for models that continue a text."""
    demonstrations: list[Demonstration] = Field(default_factory=list)
    """Worked examples, of which a prompt shows the first `num_fewshot`."""
    num_fewshot: int = Field(default=0, ge=0)
    """How many demonstrations a prompt shows."""
    tool: str = ""
    """Name of the function a chat model calls to run code; '' if code is part of its text."""
    answer_line: str = "The answer is {answer}."
    """How a demonstration ends that is made from a worked solution (`shots_from`)."""

    @model_validator(mode="after")
    def _fences_come_in_pairs(self) -> Self:
        if self.executes == "steps" and not self.code_begin:
            raise ValueError('executes = "steps" needs code_begin and code_end')
        if bool(self.code_begin) != bool(self.code_end):
            raise ValueError("set both code_begin and code_end, or neither")
        if bool(self.code_output_begin) != bool(self.code_output_end):
            raise ValueError("set both code_output_begin and code_output_end, or neither")
        return self


class Piece(NamedTuple):
    """A stretch of what a model sees, encoded by itself."""

    text: str
    """What it says."""
    trained: bool
    """Whether the model has to write it, so that its tokens are labels; else it is given to the model."""
    output: bool = False
    """Whether the interpreter wrote it."""
    turn: int | None = None
    """The model's turn that it belongs to, from 0; None for what is given and for a chat template's own text."""


FormatLoader = Callable[[str], Format]
"""Name -> format."""


def load_format(name: str) -> Format:
    """The format of that name, or that of a TOML file ("my.toml"), whose name is the file's.

    Raises PluginError if there is none of that name, RecipeError for a file with mistakes.
    """
    if name.endswith(".toml"):
        return _format_of_file(Path(name))
    found: Format = load_plugin("formats", name)
    return found


def name_of_format(named: str) -> str:
    """The name of a format that a recipe names: "cot", or "my" for the file "prompts/my.toml"."""
    return Path(named).stem if named.endswith(".toml") else named


def _as_list(name: str) -> str:
    names = re.split(r"[\s,;+]+", name.strip())
    return f' (several are a list: --set "formats={names}")' if len(names) > 1 else ""


def _checked(named: list[str], info: ValidationInfo) -> list[str]:
    """A recipe's formats, files by their absolute paths. Raises ValueError with every mistake."""
    known, names = ["hybrid", *list_plugins("formats")], [name_of_format(name) for name in named]
    mistakes = [f"`{name}` is named twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    unknown = [name for name in dict.fromkeys(named) if name not in known and not name.endswith(".toml")]
    mistakes += [
        f"there is no format `{name}`{_as_list(name) or _kept_hint(name, info) or did_you_mean(name, known)}"
        for name in unknown
    ]
    if unknown:
        mistakes.append(f"known: {', '.join(known)}, and files of your own, as my.toml")
    for name in dict.fromkeys(named):
        if name.endswith(".toml"):
            try:
                _format_of_file(Path(name))
            except RecipeError as error:
                missing = "" if exists(Path(name)) else _kept_hint(name, info)
                mistakes += [f"{mistake}{missing}" for mistake in error.mistakes]
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return [str(Path(name).absolute()) if name.endswith(".toml") else name for name in named]


def _kept_hint(named: str, info: ValidationInfo) -> str:
    """Where the folder of the recipe's model has a format, if it was trained in it; "" if it was not."""
    model = str(info.data.get("model") or info.data.get("base") or "").removeprefix("hf:")
    kept = Path(model) / f"{name_of_format(named)}.toml"
    return f"; the model was trained in one of this name: {kept}" if model and exists(kept) else ""


FormatNames = Annotated[list[str], ONE_OR_MORE, AfterValidator(_checked)]
"""Formats of a recipe: names of plug-ins, "hybrid", or TOML files."""
FormatName = Annotated[str, AfterValidator(lambda name, info: _checked([name], info)[0])]
"""One such format."""


def read_format(name: str) -> Format:
    """A format of ours from its TOML file in this folder."""
    return Format.model_validate(tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text("utf-8")))


def _format_of_file(path: Path) -> Format:
    name = path.stem
    if name == "hybrid" or name in list_plugins("formats"):
        raise RecipeError(str(path), [f"a format of ours is called `{name}`: give the file another name"])
    try:
        table = {"name": name, **tomllib.loads(path.read_text("utf-8"))}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = "there is no such file" if isinstance(error, FileNotFoundError) else f"it cannot be read: {error}"
        raise RecipeError(str(path), [f"{path}: {why}"]) from error
    mistakes = [
        f"{path}: {key}: no such key{did_you_mean(key, Format.model_fields)}; known: {', '.join(Format.model_fields)}"
        for key in table
        if key not in Format.model_fields
    ]
    if table["name"] != name:
        mistakes.append(f"{path}: name = {table['name']!r}: a format is called as its file; leave `name` out")
    for key, place in (("instruction", "{question}"), ("template", "{instruction}")):
        if place not in str(table.get(key, place)):
            mistakes.append(f"{path}: {key}: has no {place}, where it goes")
    known = {key: value for key, value in table.items() if key in Format.model_fields}
    try:
        found = Format.model_validate(known)
    except ValidationError as error:
        raise RecipeError(str(path), [*mistakes, *(f"{path}: {_said(each)}" for each in error.errors())]) from error
    if mistakes:
        raise RecipeError(str(path), mistakes)
    return found


def _said(problem: Any) -> str:
    where, message = ".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, ")
    return f"{where}: {message[0].lower()}{message[1:]}" if where else message


def render_prompt(format: Format, problem: Problem) -> str:
    """The prompt for a model that continues a text, demonstrations first."""
    shown = [_prompt(format, example.question) + example.response for example in demonstrations_for(format, problem)]
    return format.preamble + "\n\n".join([*shown, _prompt(format, problem.text)])


def render_chat(format: Format, problem: Problem, blocks: Sequence[Block] = ()) -> list[dict[str, Any]]:
    """The messages for a chat model: what a model wrote as the assistant's turns, outputs as the user's.

    In a format with a `tool`, code is the assistant's calls, and outputs are the tool's messages.
    """
    messages: list[dict[str, Any]] = [{"role": "system", "content": format.system}] if format.system else []
    examples = demonstrations_for(format, problem)
    shown = [(example.question, parse_whole(format, example.response)) for example in examples]
    for question, response in [*shown, (problem.text, blocks)]:
        messages.append({"role": "user", "content": _instruction(format, question)})
        if format.tool:
            _add_calls(messages, format.tool, response)
            continue
        for piece in render(format, response):
            role = "assistant" if piece.trained else "user"
            if messages[-1]["role"] == role:
                messages[-1]["content"] += piece.text
            else:
                messages.append({"role": role, "content": piece.text})
    return messages


def _add_calls(messages: list[dict[str, Any]], tool: str, blocks: Iterable[Block]) -> None:
    """Adds blocks as an assistant's words and calls, one call per message, and the tool's answers."""
    for block in blocks:
        if isinstance(block, Output):
            calls = messages[-1].get("tool_calls", [{"id": ""}])
            messages.append({"role": "tool", "tool_call_id": calls[0]["id"], "content": block.text})
            continue
        if messages[-1]["role"] != "assistant" or "tool_calls" in messages[-1]:
            messages.append({"role": "assistant", "content": ""})
        if isinstance(block, Text):
            messages[-1]["content"] += block.text
        else:
            called = {"name": tool, "arguments": json.dumps({"code": block.text}, ensure_ascii=False)}
            # Nine letters and digits, and no id twice: Mistral's templates accept no others.
            number = sum("tool_calls" in message for message in messages)
            messages[-1]["tool_calls"] = [{"id": f"call{number:05d}", "type": "function", "function": called}]


def tool_schema(name: str) -> dict[str, Any]:
    """The function that runs code, as the OpenAI API describes one: its single argument is `code`."""
    code = {"type": "string", "description": "The Python code to run."}
    parameters = {"type": "object", "properties": {"code": code}, "required": ["code"]}
    return {"type": "function", "function": {"name": name, "description": _TOOL, "parameters": parameters}}


def with_num_fewshot(format: Format, num_fewshot: int) -> Format:
    """The format with its first `num_fewshot` demonstrations shown. Raises RecipeError if it has fewer."""
    most = len(format.demonstrations)
    if num_fewshot > most:
        mistake = f"num_fewshot = {num_fewshot}: format `{format.name}` has {most} demonstrations; set {most} or fewer"
        raise RecipeError("num_fewshot", [mistake])
    return format.model_copy(update={"num_fewshot": num_fewshot})


def with_system(format: Format, system: str) -> Format:
    """The format with another system message; in a prompt for models that continue a text it goes first."""
    preamble = f"{system}\n\n{format.preamble}" if system else format.preamble
    return format.model_copy(update={"system": system, "preamble": preamble})


def demonstrations_for(format: Format, problem: Problem) -> list[Demonstration]:
    """The demonstrations that a prompt for a problem shows: never the problem itself."""
    asked = without_spelling(problem.text)
    others = (example for example in format.demonstrations if without_spelling(example.question) != asked)
    return list(islice(others, format.num_fewshot))


def without_spelling(text: str) -> str:
    """A question without what differs where it is written again: capitals, spaces, marks of formulas, a last stop."""
    return _SPELLING.sub("", unicodedata.normalize("NFKC", text).lower()).rstrip(".?!:")


def render(format: Format, blocks: Iterable[Block]) -> list[Piece]:
    """The response as pieces, in order; joining their texts gives the text a model sees and continues."""
    pieces = []
    for block in blocks:
        match block:
            case Text():
                pieces.append(Piece(block.text, trained=True))
            case Code():
                pieces.append(Piece(f"{format.code_begin}{block.text}{format.code_end}", trained=True))
            case Output() if format.code_output_begin:
                text = f"{format.code_output_begin}{block.text}{format.code_output_end}"
                pieces.append(Piece(text, trained=False, output=True))
    return pieces


def render_example(format: Format, problem: Problem, blocks: Iterable[Block]) -> list[Piece]:
    """The prompt as one piece, then the pieces of the response."""
    return [Piece(render_prompt(format, problem), trained=False), *render(format, blocks)]


def join(pieces: Iterable[Piece]) -> str:
    """The pieces' texts, joined."""
    return "".join(piece.text for piece in pieces)


def parse(format: Format, text: str) -> list[Block]:
    """The blocks of a response, for any text and without loss: whatever is no well-formed code block stays Text.

    An output is read as one only directly after a code block; elsewhere a model wrote it, and it is Text. The status
    and seconds of an Output are not part of the text; they become "ok" and 0.
    """
    if format.executes == "never" or not text:
        return [Text(text=text)] if text else []
    if not format.code_begin:
        return [Code(text=text)]
    blocks: list[Block] = []
    rest = 0
    for match in _code_pattern(format).finditer(text):
        if match.start() > rest:
            blocks.append(Text(text=text[rest : match.start()]))
        blocks.append(Code(text=match["code"]))
        if match["output"] is not None:
            blocks.append(Output(text=match["output"]))
        rest = match.end()
    if rest < len(text):
        blocks.append(Text(text=text[rest:]))
    return blocks


def parse_whole(format: Format, text: str) -> list[Block]:
    """The blocks of a response that is at its end: the line end behind its last fence or tag may be missing.

    Servers stop in front of it, and other tools strip it. Words are kept as `parse` keeps them.
    """
    ends = [end for end in (format.code_end, format.code_output_end) if end.endswith("\n")]
    if any(text.endswith(end[:-1]) for end in ends if end[:-1]):
        blocks = parse(format, text + "\n")
        if not isinstance(blocks[-1], Text):
            return blocks
    return parse(format, text)


def escape_fence(text: str, end: str) -> str:
    """A text with every closing fence inside it broken by a space, so that its block is not closed before its end."""
    while end and (at := (text + end).find(end)) < len(text):
        text = text[:at] + broken_fence(end) + text[at + len(end) :]
    return text


def broken_fence(fence: str) -> str:
    """A fence that is none, for texts that must not have one."""
    return f"{fence[:-1]} {fence[-1]}" if len(fence) > 1 else " "


def _code_pattern(format: Format) -> re.Pattern[str]:
    code = rf"{re.escape(format.code_begin)}(?P<code>.*?){re.escape(format.code_end)}"
    output = rf"{re.escape(format.code_output_begin)}(?P<output>.*?){re.escape(format.code_output_end)}"
    if not format.code_output_begin:
        output = r"(?P<output>(?!))"  # matches nothing: outputs are not part of the text
    return re.compile(rf"{code}(?:{output})?", re.DOTALL)


def _prompt(format: Format, question: str) -> str:
    return format.template.replace("{instruction}", _instruction(format, question))


def _instruction(format: Format, question: str) -> str:
    return format.instruction.replace("{question}", question)


def __getattr__(name: str) -> Format:
    """`formats.cot`, `.pot`, `.tir`: what our own entry points name, loaded on access."""
    if files(__name__).joinpath(f"{name}.toml").is_file():
        return read_format(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
