"""Formats, templates, texts and solutions that the tests of encode share."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from slipstick.formats import Format, load_format
from slipstick.schema import Block, Code, Output, Problem, Solution, Text

LAYOUTS = [load_format(name) for name in ("cot", "pot", "tir")]
TEXTS = ["Ann has 12 nuts and finds 30 more.", "nuts = 12 + 30\nprint(nuts)", "The answer is \\boxed{42}."] * 5
PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
BLOCKS = st.lists(
    st.one_of(st.builds(Text, text=PLAIN), st.builds(Code, text=PLAIN), st.builds(Output, text=PLAIN)),
    max_size=6,
)
EVERY = [load_format(name) for name in ("cot", "pot", "tir", "mario", "react", "tools")]
CHATML = """{%- if tools %}<|im_start|>tools
{{ tools | tojson }}<|im_end|>
{% endif -%}
{%- for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] }}
{%- for c in m.tool_calls or [] %}<call>{{ c['function']['arguments']['code'] | tojson }}</call>{% endfor %}
{{- '<|im_end|>\\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
# Trims contents, knows no system message, has no generation prompt and ends turns with the end of text, as Llama 2's.
TRIMMING = """{%- for m in messages %}{%- if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}
{%- if m['role'] == 'user' %}{{ '[INST] ' + m['content'].strip() + ' [/INST]' }}
{%- else %}{{ ' ' + m['content'] | trim + ' ' + eos_token }}{% endif %}{% endfor %}"""
# Puts an empty thought before every answer, as Qwen 3's does.
THINKING = CHATML.replace("m['role'] + '\\n' + m['content']", "m['role'] + '\\n' + thought(m) + m['content']")
THINKING = (
    "{%- macro thought(m) %}{% if m['role'] == 'assistant' %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}"
    "{% endmacro -%}" + THINKING
)
SAID = st.text(st.characters(exclude_categories=["Cs", "Co", "Cc"]), min_size=1, max_size=30).filter(
    lambda t: t.strip()
)


def solved(blocks: Sequence[Block], format: Format, question: str = "How many nuts?") -> tuple[Solution, Problem]:
    problem = Problem(id="x/test/1", text=question)
    return Solution(id="x/test/1#0", problem_id=problem.id, format=format.name, blocks=list(blocks)), problem


def chatting(tokenizer: Any, template: str) -> Any:
    from tokenizers import AddedToken

    chat = copy.deepcopy(tokenizer)
    chat.add_tokens([AddedToken(name, special=True) for name in ("<|im_start|>", "<|im_end|>")])
    chat.chat_template = template
    return chat
