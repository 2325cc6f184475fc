"""What a rationale and its question say in numbers. The files, in the order data passes them:

- `mentions`: the numbers of a text, in digits and in words
- `words`: the words beside a number (`words.toml`)
- `sides`: the tokens of a line, and the two sides of an equals sign
- `calculations`: the equations of a line that can be followed
- `rationale`: all calculations of a rationale, equations in a letter included
"""
