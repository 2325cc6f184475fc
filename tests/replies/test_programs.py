"""The program of a reply in `pot`: every way in which models fence it, run by the real interpreter."""

from __future__ import annotations

import pytest

from slipstick.replies.programs import program_of
from tests.replies.replying import solve_all

PRINTS_FOUR = [
    "print(4)",
    "x = 2\n\nprint(x + 2)\n",
    "Here is the program:\n\nx = 4\nprint(x)\n\nThis prints the answer.",
    "```print(4)```",
    "`print(4)`",
    "print(4)\n```\nThe answer is 5.",
    # the language
    "```python\nprint(4)\n```",
    "```\nprint(4)\n```",
    "```py\nprint(4)\n```",
    "```python3\nprint(4)\n```",
    "```python3.11\nprint(4)\n```",
    "```ipython\nprint(4)\n```",
    "```Python\nprint(4)\n```",
    "```PYTHON\nprint(4)\n```",
    "``` python\nprint(4)\n```",
    "```  py \nprint(4)\n```",
    "```{python}\nprint(4)\n```",
    "```{.python .numberLines}\nprint(4)\n```",
    "```python:main.py\nprint(4)\n```",
    '```python title="main.py"\nprint(4)\n```',
    "```tool_code\nprint(4)\n```",
    "```sage\nprint(4)\n```",
    # the fences
    "~~~python\nprint(4)\n~~~",
    "~~~~ python\nprint(4)\n~~~~",
    "````python\nprint(4)\n````",
    "````markdown\n# Solution\n```python\nprint(4)\n```\n````",
    "```python\r\nprint(4)\r\n```\r\n",
    "```python\nprint(4)```",
    "```python\nprint(4) ```",
    "```python print(4)```",
    "```python x = 4\nprint(x)\n```",
    "so ```python\nprint(4)\n```",
    "Answer: ```py\nprint(4)```",
    "```python\nprint(4)\n```   \n",
    "```python\nprint(4)\n``",
    "Sure.\n```python\nprint(4)",
    "~~~python\nprint(4)",
    "```python\nx = 4  # ends with ```\nprint(x)\n```",
    "```python\n>>> x = 4\n>>> print(x)\n4\n```",
    "```pycon\n>>> for i in range(1):\n...     print(4)\n...\n4\n```",
    "\ufeffprint(4)",
    "python\nprint(4)",
    "\\begin{lstlisting}[language=Python]\nprint(4)\n\\end{lstlisting}",
    "\\begin{minted}{python}\nprint(4)\n\\end{minted}",
    '<pre><code class="language-python">\nprint(4)\n</code></pre>',
    # where they stand
    "1. So:\n   ```python\n   for i in range(1):\n       print(4)\n   ```\n2. Done.",
    "- ```python\n  print(4)\n  ```",
    "* step\n\n  - ```py\n    if True:\n        print(4)\n    ```",
    "> ```python\n> for i in range(1):\n>     print(4)\n> ```",
    "\t```python\n\tprint(4)\n\t```",
    # other blocks
    "```bash\npip install sympy\n```\n\n```python\nprint(4)\n```",
    "```latex\nx\n```\nso\n```python\nprint(4)\n```",
    "```text\nplan\n```\n```python\nprint(4)\n```\n```text\nend\n```",
    "```\nplan\n```\n```python\nprint(4)\n```",
    '```json\n{"a": 5}\n```\n```python\nprint(4)',
    "```python\nprint(4)\n```\n```output\n5\n```",
    "```python\nprint(4)\n```output\n5\n```",
    "```python\nprint(4)\n```\nThe exact output is:\n```\n5\n```",
    "```\nprint(4)\n```\nIt prints:\n```\n5\n```",
    "```python\nprint(4)\n```\nOutput:\n```python\n5\n```",
    # fences inside strings
    's = """\n```\n"""\nprint(4)',
    '```python\ns = """\n```\n"""\nprint(4)\n```',
    "```python\ns = '''\n```python\n'''\nprint(4)\n```\nDone.",
    '```python\n# it\'s a "test\nprint(4)\n```\nDon\'t worry.\n```text\n"""\n```',
    '```python\n"""never closed\n```\nFixed:\n```python\nprint(4)\n```',
    "print('```')\nprint(4)",
    # several programs
    "```python\ndef f(): return 4\n```\nUse it:\n```python\nprint(f())\n```",
    "```python\nprint(3)\n```\nWait, that is wrong. Corrected:\n```python\nprint(4)\n```",
    "```python\nprint(1/0)\n```\nBetter:\n```python\nprint(4)\n```",
    "```python\nx = 2\n```\nthen\n```python\nx += 2\n```\nand\n```python\nprint(x)\n```",
    "```python\nx = []\n```\n```python\nx.append(4)\n```\n```python\nprint(x[0])\n```",
    "```python\nfrom math import *\n```\n```python\nprint(int(sqrt(16)))\n```",
    "```python\ndef f():\n    return 4\nprint(f())\n```\nA test:\n```python\nassert f() == 4\n```",
    "```python\nprint(4)\n```\nThe important line:\n```python\nx = 5\n```",
    "```python\ndef f(): return 3\n```\nNo:\n```python\ndef f(): return 4\n```\n```python\nprint(f())\n```",
    "```python\n\n```\n```python\nprint(4)\n```",
    "```python\nprint(4)\n```\n```python\nx = (\n```",
    "```python\nimport math\n```\n```python\ndef main():\n    print(math.isqrt(16))\n```\n```python\nmain()\n```",
    "```python\nfrom math import gcd\n```\n```python\nx = 4\n```\n```python\ngcd(8, 4)\n```\n```python\nprint(x)\n```",
    "```python\nclass A:\n    y = 4\n```\n```python\nprint(A().y)\n```",
    "```python\nn = 2\n```\n```python\nprint([k + n for k in range(3)][-1])\n```",
    # thoughts
    "<think>\n```python\nprint(9)\n```\n</think>\n```python\nprint(4)\n```",
    "<think>print(9)</think>print(4)",
    "```python\nprint(9)\n```\n</think>\n```python\nprint(4)\n```",
    "[THINK]```python\nprint(9)\n```[/THINK]print(4)",
    "<reasoning>\n```python\nprint(9)\n```\n</reasoning>\n```python\nprint(4)\n```",
    # calls
    '<tool_call>\n{"name": "python", "arguments": {"code": "print(4)"}}\n</tool_call>',
    '{"name": "python", "arguments": {"code": "print(4)"}}',
]
NOT_RUN = [
    "<think>\n```python\nprint(9)\n```",
    "<think>```python\nprint(9)\n```</think>",
    "```python\nprint(9)\n```\n</think>",
    "◁think▷print(9)",
]


def test_the_program_is_found_and_nothing_else_is_run() -> None:
    solutions = solve_all(PRINTS_FOUR, format="pot")
    answers = {reply: solution.answer for reply, solution in zip(PRINTS_FOUR, solutions, strict=True)}
    assert [reply for reply, answer in answers.items() if answer != "4"] == []


def test_no_code_in_thoughts_is_run() -> None:
    solutions = solve_all(NOT_RUN, format="pot")
    assert [[block.type for block in solution.blocks] for solution in solutions] == [["text"]] * len(NOT_RUN)
    assert [solution.answer for solution in solutions] == [None] * len(NOT_RUN)


@pytest.mark.parametrize("text", ["print(42)\n", "print('''\n  ```python''')", "x = 1 +", "I think it is 4."])
def test_a_reply_without_a_fenced_program_is_left_as_it_is(text: str) -> None:
    assert program_of(text) == text


def test_a_long_reply_is_read_in_linear_time() -> None:
    for text in ("```python\n" * 50_000, '```python\n"""\n```\n' * 30_000, "`" * 500_000, "a ```b\n" * 100_000):
        assert len(program_of(text)) <= len(text)
