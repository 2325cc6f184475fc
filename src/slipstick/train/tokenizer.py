"""Makes a small byte-level tokenizer from the texts a model is to be trained on."""

import re
from collections.abc import Iterable
from typing import Any

from slipstick.formats import Format

END = "<|end|>"
PAD = "<|pad|>"
_QUESTION = "{question}"
_NO_CALLS = "this model writes code as fenced text, not as calls of a tool: export shapes=prompt_completion instead"
# A word or a run of signs with the space or line break before it, and the space after it if a number follows: so
# numbers have no tokens but their digits. Else a digit, or one white space.
_WORDS = r"(?:[ \n]?[^\W\d]+|[ \n]?[^\s\w]+) (?=\d)|[ \n]?[^\W\d]+|[ \n]?[^\s\w]+|\d|\s"


def train_tokenizer(texts: Iterable[str], formats: Iterable[Format], *, vocab_size: int) -> Any:
    """A Hugging Face tokenizer: byte-level BPE with every digit a token of its own.

    What a format's layout fixes (the text before and after the question, the fences) is one token each, so that a
    published prompt costs a small model two tokens instead of fifty. vocab_size: all tokens together.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    formats = list(formats)
    fixed = fixed_strings(formats)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(fixed),
        special_tokens=[END, PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_without(texts, fixed), trainer)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in fixed])
    make: Any = PreTrainedTokenizerFast
    fast = make(tokenizer_object=tokenizer, eos_token=END, pad_token=PAD)
    if formats:
        fast.chat_template = chat_template(formats[0])
    return fast


def fixed_strings(formats: Iterable[Format]) -> list[str]:
    """The strings that formats put around questions, code and outputs, longest first, each once."""
    found: set[str] = set()
    for format in formats:
        before, _, after = format.template.replace("{instruction}", format.instruction).partition(_QUESTION)
        fences = (format.code_begin, format.code_end, format.code_output_begin, format.code_output_end)
        found.update((before, after, *fences))
    return sorted((text for text in found if text), key=lambda text: (-len(text), text))


def chat_template(format: Format) -> str:
    """A chat template that lays messages out as in training, so that servers can be asked in chat form.

    The first user message is the instruction; what comes after it (written text, outputs) follows as it is. What the
    assistant wrote is marked, so that trainers find what to train on. Calls of a tool are refused: the model writes
    code as fenced text.
    """
    before, _, after = format.template.partition("{instruction}")
    return (
        "{%- set asked = namespace(done=false) -%}"
        "{%- for message in messages if message['role'] != 'system' -%}"
        f"{{%- if not asked.done -%}}{{{{ {before!r} + message['content'] + {after!r} }}}}"
        "{%- set asked.done = true -%}"
        f"{{%- elif message['tool_calls'] -%}}{{{{ raise_exception({_NO_CALLS!r}) }}}}"
        "{%- elif message['role'] == 'assistant' -%}"
        "{%- generation -%}{{ message['content'] }}{%- endgeneration -%}"
        "{%- else -%}{{ message['content'] }}{%- endif -%}"
        "{%- endfor -%}"
    )


def _without(texts: Iterable[str], fixed: list[str]) -> Iterable[str]:
    """The stretches of the texts between fixed strings: no merge is spent on what is one token anyway."""
    between = re.compile("|".join(map(re.escape, fixed))) if fixed else None
    for text in texts:
        yield from between.split(text) if between else [text]
