"""What a training run can be told."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from slipstick.encode import EncodeSettings
from slipstick.schema import Record


class Phase(Record):
    """A stretch of training with its own mix of formats."""

    share: float = Field(gt=0)
    """Its part of all tokens; shares are divided by their sum."""
    mix: dict[str, float]
    """Format -> its part of the examples; formats that are not named are left out."""


class LoraSettings(Record):
    """Low-rank adapters in place of the whole model (LoRA, arXiv 2106.09685), through PEFT; merged when done."""

    seed: int = 0
    """Decides the adapters' start."""
    lora_rank: int = Field(default=0, ge=0)
    """Rank of the adapters; 0 trains every weight."""
    lora_alpha: float = Field(default=32.0, gt=0)
    """Scale: adapters count alpha / rank times."""
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Part of an adapter's inputs that is left out at random."""
    lora_target_modules: list[str] = Field(default_factory=lambda: ["all-linear"], min_length=1)
    """Names (or ends of names) of the modules that get adapters; "all-linear": every matrix but the output head."""


class TrainerSettings(Record):
    """Which trainer, and what only TRL's knows: GPUs, packing, low precision (of which our loop has `autocast`)."""

    trainer: Literal["auto", "loop", "trl"] = "auto"
    """Our loop (faster on a CPU) or TRL's SFTTrainer; "auto" is TRL's where there is a GPU and no Muon is asked for."""
    per_device_train_batch_size: int = Field(default=8, gt=0)
    """Sequences a device takes at once; with packing each is `max_length` tokens long."""
    gradient_accumulation_steps: int = Field(default=1, gt=0)
    """Times that many before the weights move."""
    packing: Literal["none", "bfd", "wrapped"] = "none"
    """"bfd" fits whole examples into rows of `max_length`, kept apart (for GPUs); "wrapped" cuts and mixes them."""
    param_dtype: Literal["float32", "bfloat16"] = "float32"
    """Numbers the weights are kept in."""
    bf16: bool | None = None
    """Whether matrices are multiplied in bfloat16; None: on a GPU."""
    attn_implementation: str | None = None
    """Attention kernel by transformers' name; None: FlashAttention on a GPU that has it, else PyTorch's SDPA."""
    use_liger_kernel: bool = False
    """Whether Liger's fused kernels do norms, rotations and activations (package liger-kernel, a GPU)."""
    gradient_checkpointing: bool = False
    """Whether activations are computed again in the backward pass instead of kept (activation checkpointing)."""
    parallel: Literal["none", "fsdp2", "zero3"] = "none"
    """How weights, gradients and optimiser are spread over GPUs: PyTorch's FSDP2 or DeepSpeed's ZeRO-3."""
    num_gpus: int = Field(default=1, gt=0)
    """GPUs in all, over all machines."""
    num_nodes: int = Field(default=1, gt=0)
    """Machines they are in."""
    report_to: list[str] = Field(default_factory=list)
    """Where TRL's trainer reports to beside our losses.jsonl: "wandb", "tensorboard", "trackio", ..."""


class TrainSettings(EncodeSettings, LoraSettings, TrainerSettings):
    """How a model is trained; the defaults train a model of one million parameters from scratch on a CPU."""

    stage: Literal["sft", "cpt"] = "sft"
    """"sft" learns solutions, loss on what a model writes; "cpt" goes on pre-training on packed raw text."""
    base: str | None = None
    """Folder (or hub name) of a model to go on from; None trains a new one from scratch, tokenizer included."""
    seed: int = 0
    """Decides the weights' start and the order of the examples."""
    max_train_tokens: int = Field(default=1_500_000, gt=0)
    """Tokens to train on, prompts included; examples repeat when they run out."""
    num_train_epochs: float | None = Field(default=None, gt=0)
    """Train on so many times all the examples' tokens instead of on `tokens`."""
    batch_tokens: int = Field(default=1024, gt=0)
    """Most tokens of one step of our loop, padding included."""
    optimizer: Literal["muon", "adamw", "adamw_8bit", "adafactor"] = "muon"
    """"muon" orthogonalises the updates of matrices and leaves the rest to AdamW; the last two are lean, and TRL's."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Peak rate of matrices (of everything with "adamw"); MAmmoTH's fine-tuning used 2e-5 with AdamW."""
    embedding_learning_rate: float = Field(default=4e-3, gt=0)
    """Peak rate of embeddings and norms with "muon"."""
    warmup_ratio: float = Field(default=0.02, ge=0, lt=1)
    """Part of the training over which the rate rises from nothing."""
    lr_scheduler_type: Literal["linear", "cosine"] = "linear"
    """How the rate falls to zero after that."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Decoupled weight decay of matrices."""
    adam_beta2: float = Field(default=0.95, ge=0, lt=1)
    """AdamW's memory of squared gradients; the first is 0.9. Hugging Face's trainer uses 0.999."""
    max_grad_norm: float = Field(default=0.0, ge=0)
    """Longest gradient, in Euclidean length; longer ones are shortened to it. 0: never."""
    word_dropout: float = Field(default=0.0, ge=0, lt=0.5)
    """Share of the question's words that an example hides from the model, so that it learns to do without each."""
    phases: list[Phase] = Field(default_factory=list)
    """A curriculum, in order; none: one phase in which every example is as likely as any other."""
    d_model: int = Field(default=128, gt=0)
    """Width of a new model."""
    num_layers: int = Field(default=4, gt=0)
    """Depth of a new model."""
    num_heads: int = Field(default=4, gt=0)
    """Attention heads of a new model."""
    d_ff: int = Field(default=384, gt=0)
    """Width of a new model's feed-forward layers."""
    vocab_size: int = Field(default=1500, ge=300)
    """Tokens of a new tokenizer, the 256 bytes and the formats' fixed strings included."""
    num_processes: int | None = Field(default=None, gt=0)
    """Processes that divide every step of our loop among them on a CPU; None takes one per core, at most four."""
    device: str = "auto"
    """"cpu", "cuda" or "auto"."""
    checkpoint_every: int | None = Field(default=None, gt=0)
    """Tokens between two checkpoints, from the last of which a killed training goes on; None: 100,000 with our loop,
    a tenth of the run through TRL, whose models are large."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.lora_rank and self.base is None:
            raise ValueError("lora_rank needs a `base`: a new model has nothing for an adapter to add to")
        if self.template == "chat" and self.base is None and self.chat_template is None:
            raise ValueError('template = "chat" needs a `base` that has a chat template, or chat_template = "FILE"')
        if self.trainer == "loop" and self.optimizer in ("adamw_8bit", "adafactor"):
            raise ValueError(f'optimizer = "{self.optimizer}" needs trainer = "trl"')
        if self.trainer == "trl" and self.optimizer == "muon":
            raise ValueError('optimizer = "muon" needs trainer = "loop"; with "trl" take "adamw"')
        if self.parallel != "none" and self.trainer != "trl":
            raise ValueError(f'parallel = "{self.parallel}" needs trainer = "trl"')
        if self.num_gpus % self.num_nodes:
            raise ValueError(f"num_gpus = {self.num_gpus} cannot be spread evenly over num_nodes = {self.num_nodes}")
        if self.num_gpus > 1 and self.parallel == "none":
            raise ValueError(
                f'num_gpus = {self.num_gpus} needs parallel = "fsdp2" or "zero3", which spread a run over them'
            )
        if self.phases and self.packing != "none":
            raise ValueError(f'phases need packing = "none": "{self.packing}" mixes the order that they give')
        return self
