"""What a model sees and what it is trained on: prompts, chat templates, token ids and labels, all of it here.

settings.py   the settings, and `slipstick.json`, in which a model's folder keeps those of its prompts
chat.py       a conversation by a tokenizer's chat template -> pieces of text
prompts.py    problem and blocks -> pieces of text; the prompt that a model continues
tokens.py     pieces of text -> token ids, and back
encoding.py   a solution -> token ids and labels
mask.py       the labels of an example, shown
"""
