"""`slipstick settings VERB`: what can be set, as the settings classes say it.

`python -m slipstick.settings` prints the page of all (docs/settings.md).

A command's settings are a class; each key has its type, default and meaning (the docstring under the field) there and
nowhere else.
"""

import ast
import functools
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from slipstick.errors import UserError, did_you_mean

_INTRODUCTION = """# Settings

Every key of every recipe, with its type, its default, and the commands that know it. `slipstick settings VERB` prints
those of one command. This page is made from the code by `make settings`."""
_BOUNDS = {Ge: ("ge", ">="), Gt: ("gt", ">"), Le: ("le", "<="), Lt: ("lt", "<")}
Classes = Mapping[str, tuple[type[BaseModel], ...]]


def settings_classes() -> Classes:
    """Command -> its settings; several if a key such as `method` chooses among them."""
    from slipstick.commands.doctor import DoctorSettings
    from slipstick.commands.evaluate import EvaluateRecipe
    from slipstick.commands.grade_outputs import GradeOutputsSettings
    from slipstick.commands.import_data import ImportSettings
    from slipstick.commands.push import PushSettings
    from slipstick.commands.repair import RepairSettings
    from slipstick.commands.report import ReportSettings
    from slipstick.commands.repro import ReproSettings
    from slipstick.commands.review import ReviewSettings
    from slipstick.commands.show_mask import ShowMaskSettings
    from slipstick.commands.trace import TraceSettings
    from slipstick.commands.value import ScoringSettings
    from slipstick.interpreters import InterpreterSettings
    from slipstick.plan.estimate import PlanSettings
    from slipstick.serve import ServeSettings
    from slipstick.successors import SETTINGS

    followed = {verb: _classes(found) for verb, found in SETTINGS.items()}

    return {
        "synthesize": followed["synthesize"],
        "import": (ImportSettings,),
        "curate": followed["curate"],
        "export": followed["export"],
        "audit": followed["audit"],
        "train": followed["train"],
        "solve": followed["solve"],
        "execute": (InterpreterSettings,),
        "grade": (GradeOutputsSettings,),
        "evaluate": followed["evaluate"],
        "value": (ScoringSettings,),
        "self-train": followed["self-train"],
        "report": (ReportSettings,),
        "repro": (ReproSettings, EvaluateRecipe),
        "plan": (PlanSettings,),
        "show-mask": (ShowMaskSettings,),
        "trace": (TraceSettings,),
        "review": (ReviewSettings,),
        "repair": (RepairSettings,),
        "push": (PushSettings,),
        "sandbox": (ServeSettings,),
        "doctor": (DoctorSettings,),
    }


def _classes(settings: Any) -> tuple[type[BaseModel], ...]:
    """The classes of a command that follows others: its one, or those among which a key chooses."""
    return get_args(get_args(settings)[0]) if get_origin(settings) is Annotated else (settings,)


def run_settings(verb: str, console: Console) -> None:
    """Prints a command's keys with type, default and meaning. Raises UserError for a command without settings."""
    classes = settings_classes()
    if not verb:
        console.print("Whose settings? slipstick settings VERB, one of: " + ", ".join(classes), highlight=False)
        return
    if verb not in classes:
        raise UserError(f"{verb!r} has no settings{did_you_mean(verb, classes)}; known: {', '.join(classes)}")
    for settings in classes[verb]:
        console.print(Text(heading(settings), style="bold underline"))
        for each in settings_of(settings):
            default = each.default if each.default == "required" else f"= {each.default}"
            console.print(Text.assemble((each.key, "bold cyan"), f"  {each.type}  ", (default, "dim")), soft_wrap=True)
            console.print(Padding(Text(each.meaning), (0, 0, 0, 4)))
        console.print()


def _code(text: str) -> str:
    """Code in a cell; with a bar in it as HTML, since Markdown's own would show the escape or end the cell."""
    return f"<code>{text}</code>" if "|" in text else f"`{text}`"


def heading(settings: type[BaseModel]) -> str:
    """The first line of a class's docstring, which says what its keys are about."""
    return (settings.__doc__ or settings.__name__).splitlines()[0].partition(";")[0].rstrip(".:")


def page() -> Iterator[str]:
    """docs/settings.md, line by line: a table for each class that declares keys, with the commands that know them."""
    found: dict[type[BaseModel], dict[str, Setting]] = {}
    users: dict[type[BaseModel], dict[str, None]] = {}
    for verb, classes in settings_classes().items():
        for settings in classes:
            for each in settings_of(settings):
                found.setdefault(each.owner, {})[each.key] = each
                users.setdefault(each.owner, {})[verb] = None
    yield _INTRODUCTION
    for owner in sorted(found, key=lambda owner: (-len(users[owner]), heading(owner))):
        yield f"\n## {heading(owner)}\n\nCommands: {', '.join(f'`{verb}`' for verb in users[owner])}\n"
        yield "| key | type | default | meaning |\n|---|---|---|---|"
        for each in found[owner].values():
            cells = (f"`{each.key}`", _code(each.type), _code(each.default), each.meaning.replace("<", "&lt;"))
            yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


class Setting(NamedTuple):
    """One key of a recipe."""

    key: str
    """The key of a recipe."""
    owner: type[BaseModel]
    """The class that declares it."""
    type: str
    """As in Python, with its bounds: "int >= 1", "\"fsdp2\" | \"zero3\"", "list[str]"."""
    default: str
    """As in TOML; "required" if there is none, "none" if it may be left out and has no value then."""
    meaning: str
    """The docstring under the field."""


def settings_of(settings: type[BaseModel]) -> list[Setting]:
    """The keys of a settings class: its own first, then those it inherits."""
    classes = [each for each in settings.__mro__ if issubclass(each, BaseModel) and each is not BaseModel]
    owners = {key: each for each in reversed(classes) for key in each.__annotations__ if key in settings.model_fields}
    place = {each: number for number, each in enumerate(classes)}
    keys = sorted(settings.model_fields, key=lambda key: place[owners[key]])
    return [_setting(key, owners[key], settings.model_fields[key]) for key in keys]


def _setting(key: str, owner: type[BaseModel], field: FieldInfo) -> Setting:
    bounds = [f"{sign} {getattr(rule, name):g}" for rule in field.metadata for name, sign in _bound(rule)]
    kind = " ".join([type_name(field.annotation), " and ".join(bounds)]).strip()
    return Setting(key, owner, kind, _default(field), _meanings(owner).get(key, ""))


def _bound(rule: object) -> Iterator[tuple[str, str]]:
    if type(rule) in _BOUNDS:
        yield _BOUNDS[type(rule)]


def type_name(annotation: Any) -> str:
    """A type as it stands in a signature, without pydantic's parts."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_name(args[0])
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in args)
    if origin in (Union, UnionType):
        return " | ".join(type_name(each) for each in args if each is not NoneType)
    if origin is not None:
        return f"{origin.__name__}[{', '.join(type_name(each) for each in args)}]"
    return getattr(annotation, "__name__", str(annotation))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(value, ensure_ascii=False, default=str)


@functools.cache
def _meanings(owner: type[BaseModel]) -> dict[str, str]:
    """Key -> the docstring under its field; one class body read once."""
    body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = " ".join(str(below.value.value).split())
    return found


if __name__ == "__main__":
    print("\n".join(page()))
