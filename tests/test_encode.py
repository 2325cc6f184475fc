import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipstick.encode import IGNORED, encode
from slipstick.formats import join, load_format, render, render_prompt
from slipstick.models.hf.tokens import prompt_pieces, text_of, token_ids
from slipstick.schema import Code, Output, Problem, Solution, Text

transformers = pytest.importorskip("transformers", reason="the extra `train` is not installed")

from slipstick.train.tokenizer import fixed_strings, train_tokenizer  # noqa: E402

LAYOUTS = [load_format(name) for name in ("cot", "pot", "tir")]
TEXTS = ["Ann has 12 nuts and finds 30 more.", "nuts = 12 + 30\nprint(nuts)", "The answer is \\boxed{42}."] * 5


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, LAYOUTS, vocab=330)


@pytest.fixture(scope="module")
def spacing_tokenizer():
    """One that puts a space before every text it is given, as those of Llama and Mistral do."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    names = ["<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"acdeinrsw.", "is", "▁is"]
    merges = [("i", "s"), ("▁", "is")]
    made = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, merges, byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    made.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 0)])
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")


PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
BLOCKS = st.lists(
    st.one_of(st.builds(Text, text=PLAIN), st.builds(Code, text=PLAIN), st.builds(Output, text=PLAIN)),
    max_size=6,
)


def solved(blocks, layout, question="How many nuts?"):
    problem = Problem(id="x/test/1", text=question)
    return Solution(id="x/test/1#0", problem_id=problem.id, format=layout.name, blocks=blocks), problem


@settings(deadline=None, max_examples=60)
@given(blocks=BLOCKS, layout=st.sampled_from(LAYOUTS), question=PLAIN)
def test_labels_lie_on_what_the_model_writes_and_nowhere_else(tokenizer, blocks, layout, question):
    solution, problem = solved(blocks, layout, question)
    ids, labels = encode(solution, problem, layout, tokenizer)

    written = "".join(piece.text for piece in render(layout, blocks) if piece.written)
    assert tokenizer.decode([label for label in labels if label != IGNORED]) == written + tokenizer.eos_token
    given_text = render_prompt(layout, problem) + "".join(p.text for p in render(layout, blocks) if not p.written)
    unlabelled = [token for token, label in zip(ids, labels, strict=True) if label == IGNORED]
    assert tokenizer.decode(unlabelled) == given_text
    assert all(label in (token, IGNORED) for token, label in zip(ids, labels, strict=True))
    assert tokenizer.decode(ids) == join(prompt_pieces(layout, problem, blocks)) + tokenizer.eos_token


@settings(deadline=None, max_examples=40)
@given(blocks=BLOCKS, cut=st.integers(0, 6))
def test_later_blocks_never_change_the_ids_of_earlier_ones(tokenizer, blocks, cut):
    layout = load_format("tir")
    whole, problem = solved(blocks, layout)
    part, _ = solved(blocks[:cut], layout)
    ids = encode(part, problem, layout, tokenizer).ids[:-1]
    assert encode(whole, problem, layout, tokenizer).ids[: len(ids)] == ids


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_a_prompt_costs_two_tokens_beside_the_question(tokenizer, layout):
    question = "Ann has 12 nuts?"
    _, problem = solved([], layout, question)
    (ids,) = token_ids(tokenizer, prompt_pieces(layout, problem))
    assert len(ids) == len(tokenizer(question)["input_ids"]) + 2


def test_what_formats_fix_is_one_token_each_and_digits_stand_alone(tokenizer):
    assert all(len(tokenizer(text)["input_ids"]) == 1 for text in fixed_strings(LAYOUTS))
    assert [tokenizer.decode(token) for token in tokenizer("1204")["input_ids"]] == ["1", "2", "0", "4"]


def test_a_tokenizer_that_adds_spaces_adds_one_only_at_the_start(spacing_tokenizer):
    layout = load_format("tir")
    blocks = [Text(text="We add.\n"), Code(text="12 + 30"), Output(text="42"), Text(text=" The answer is 42.")]
    solution, problem = solved(blocks, layout)
    ids, labels = encode(solution, problem, layout, spacing_tokenizer)
    assert ids[0] == spacing_tokenizer.bos_token_id and ids.count(spacing_tokenizer.bos_token_id) == 1
    assert text_of(spacing_tokenizer, ids) == " " + join(prompt_pieces(layout, problem, blocks))
    written = "".join(piece.text for piece in render(layout, blocks) if piece.written)
    assert text_of(spacing_tokenizer, [label for label in labels if label != IGNORED]) == written


def test_without_an_end_token_nothing_can_be_encoded(tokenizer):
    class Endless:
        eos_token_id = None
        bos_token_id = None
        name_or_path = "endless"

        def __call__(self, text, **kwargs):
            return tokenizer(text, **kwargs)

        def convert_ids_to_tokens(self, ids):
            return tokenizer.convert_ids_to_tokens(ids)

    solution, problem = solved([], load_format("cot"))
    with pytest.raises(ValueError, match="endless"):
        encode(solution, problem, load_format("cot"), Endless())
