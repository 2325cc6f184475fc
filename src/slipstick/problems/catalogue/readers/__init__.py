"""A function for each shape of row that a source has: values in, facts out.

Each one's docstring shows the row as the source has it. A row of another shape raises ValueError, KeyError, TypeError
or IndexError; None says that the row does not belong to the dataset.
"""

from collections.abc import Callable

from slipstick.problems.catalogue.readers import competitions, multiple_choice, solved, word_problems
from slipstick.problems.catalogue.readers.facts import Facts, Values

Reader = Callable[[Values], Facts | None]

READERS: dict[str, Reader] = {
    reader.__name__: reader
    for reader in (
        word_problems.gsm8k,
        word_problems.gsm_hard,
        word_problems.gsm_plus,
        word_problems.svamp,
        word_problems.asdiv,
        word_problems.asdiv_one_answer,
        word_problems.mawps,
        word_problems.multiarith,
        word_problems.question_answer,
        word_problems.mgsm,
        word_problems.cmath,
        word_problems.numglue,
        word_problems.tabmwp,
        competitions.math,
        competitions.competition,
        competitions.imo_answerbench,
        competitions.polymath,
        competitions.olympiadbench,
        competitions.college_math,
        competitions.theoremqa,
        competitions.odyssey,
        competitions.carp,
        multiple_choice.aqua,
        multiple_choice.mathqa,
        multiple_choice.mathqa_numbers,
        multiple_choice.agieval,
        multiple_choice.mmlu,
        solved.mathinstruct,
        solved.query_response,
        solved.camel,
        solved.mathqa_python,
        solved.text,
    )
}
