"""Trains a model: a small one from scratch on a CPU, or an existing one further.

settings.py       settings of every stage; result.py: what they report
sources.py        solutions and raw texts from run folders, files and problem sources
examples.py       solutions or texts -> token ids and labels; batches.py: which of them form which step
tokenizer.py      a small tokenizer made from the texts
adapters.py       LoRA; weights.py: a new model, and the folder that trained weights are written to
build.py          the tokenizer, model and device a training starts from
checkpoints.py    checkpoints of our loop and of Hugging Face's trainers; card.py: the model's README.md
run.py            the frame of every stage, and how to write a new one
loop.py           our training loop, with optimizers.py, precision.py and data_parallel.py; kernels.py: its operations
                  for a wide model on a CPU
trl.py            TRL's trainer; multi_gpu.py launches it on several GPUs, as processes that run worker_main.py
sft.py            the stages "sft" and "cpt"
value.py          the stage "value", with value_examples.py and value_loop.py
grpo.py           the stage "grpo", with rollouts.py
"""

from slipstick.train.result import TrainResult
from slipstick.train.settings import Phase, TrainSettings
from slipstick.train.sft import encoded_examples, packed_examples, train, train_on_texts

__all__ = ["Phase", "TrainResult", "TrainSettings", "encoded_examples", "packed_examples", "train", "train_on_texts"]
