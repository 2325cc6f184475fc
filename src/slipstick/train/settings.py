"""Settings of the training stages: what all of them share, then a class for each."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from slipstick.encode.settings import EncodeSettings
from slipstick.equivalence.policies import REWARDS
from slipstick.formats import FormatName
from slipstick.interpreters import InterpreterSettings
from slipstick.models import Device
from slipstick.recipe import Names
from slipstick.schema import Record
from slipstick.trackers import TrackerSettings

CHANGES_NO_NUMBER = frozenset(
    {"checkpoint_every", "num_processes", "report_to", "num_nodes", "device", "sandbox_workers", "interpreter"}
)
"""Settings that change no number of a training, or its last bits at most: a resumed run may have others."""


class Phase(Record):
    """A stretch of training with its own mix of formats."""

    share: float = Field(gt=0, allow_inf_nan=False)
    """Its share of all tokens; shares are divided by their sum."""
    mix: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    """Format -> its share of the examples; formats that are not named, or by 0, are left out."""

    @field_validator("mix")
    @classmethod
    def _leaves_something(cls, mix: dict[str, float]) -> dict[str, float]:
        if not any(mix.values()):
            said = ", ".join(f"{name} = {weight:g}" for name, weight in mix.items()) or "empty"
            raise ValueError(f"no format has a weight above 0 ({said}), so the phase has nothing to train on")
        return mix


class LoraSettings(Record):
    """Settings of low-rank adapters (LoRA, arXiv 2106.09685), which are merged into the weights at the end."""

    seed: int = 0
    """Seed of the adapters' weights, of the order of the data, and of what is sampled or dropped."""
    lora_rank: int = Field(default=0, ge=0, le=4_096)
    """Rank of the adapters; 0 trains every weight."""
    lora_alpha: float = Field(default=32.0, gt=0)
    """Scale: adapters are multiplied by alpha / rank."""
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the adapters' inputs."""
    lora_target_modules: list[str] = Field(default_factory=lambda: ["all-linear"], min_length=1)
    """Names (or ends of names) of the modules that get adapters; "all-linear": every matrix but the output head."""


class StageSettings(EncodeSettings, LoraSettings, TrackerSettings):
    """Settings that every training stage has."""

    stage: str
    """Which training stage: "sft", "cpt", "value" or "grpo"."""
    base: str | None
    """Folder (or Hub name) of the model to train."""
    learning_rate: float = Field(gt=0)
    """Peak learning rate."""
    device: Device = "auto"
    """"cpu", "cuda" or "auto"."""


class TrainerSettings(Record):
    """Settings of the trainer; but for `trainer` and `bf16` they are for TRL's alone: GPUs, packing, low precision."""

    trainer: Literal["auto", "loop", "trl"] = "auto"
    """Our loop (faster on a CPU) or TRL's SFTTrainer; "auto" takes TRL's on a GPU, unless `optimizer` is Muon."""
    per_device_train_batch_size: int = Field(default=8, gt=0)
    """Sequences of one pass on one device; with packing each is `max_length` tokens long."""
    gradient_accumulation_steps: int = Field(default=1, gt=0)
    """Passes whose gradients are summed before the weights are updated."""
    packing: Literal["none", "bfd", "wrapped"] = "none"
    """"bfd" fits whole examples into rows of `max_length`, kept apart (for GPUs); "wrapped" cuts and mixes them."""
    param_dtype: Literal["float32", "bfloat16"] = "float32"
    """Number type that the weights are kept in."""
    bf16: bool | None = None
    """Whether matrices are multiplied in bfloat16; None: on a GPU, and by our loop on a CPU that has instructions for
    it, if the model is wide enough (512) to gain."""
    attn_implementation: str | None = None
    """Attention kernel by transformers' name; None: FlashAttention on a GPU that has it, else PyTorch's SDPA."""
    use_liger_kernel: bool = False
    """Whether Liger's fused kernels do norms, rotations and activations (package liger-kernel, a GPU)."""
    gradient_checkpointing: bool = False
    """Whether activations are computed again in the backward pass instead of kept."""
    parallel: Literal["none", "fsdp2", "zero3"] = "none"
    """How weights, gradients and optimiser are sharded over GPUs: PyTorch's FSDP2 or DeepSpeed's ZeRO-3."""
    num_gpus: int = Field(default=1, gt=0, le=100_000)
    """GPUs in all, over all nodes."""
    num_nodes: int = Field(default=1, gt=0, le=100_000)
    """Machines they are in."""

    def uses_bf16(self, device: str, *, fast: bool = False) -> bool:
        """Whether matrices are multiplied in bfloat16 on this device; fast: whether a CPU gains by it."""
        return device != "cpu" or fast if self.bf16 is None else self.bf16


class TurnSettings(InterpreterSettings):
    """Settings of solutions that a model writes while it is trained: how long they may be, and where code runs."""

    max_tokens: int = Field(default=512, ge=1)
    """Most new tokens of one turn."""
    max_turns: int = Field(default=4, ge=1, le=1_000)
    """Most code blocks that are run in one solution."""


class EvaluationSettings(TurnSettings):
    """Settings of what is measured while a model is trained, and of which weights are kept."""

    eval_every: int | None = Field(default=None, gt=0)
    """Tokens between two evaluations; None: a tenth of the training, if one of the settings below asks for them."""
    eval_accuracy_problems: int = Field(default=0, ge=0)
    """Problems that each evaluation has the model solve, greedily, in every format it is trained on; 0: none."""
    eval_problems: Names = Field(default_factory=list)
    """Sources of these problems ("mine.jsonl", "gsm8k:train"); none: those of `valid_split`."""
    load_best_model_at_end: bool = False
    """Whether `model` has the weights of the best evaluation; those of the last step are then in `model/last`."""
    metric_for_best_model: Literal["loss", "accuracy"] = "loss"
    """What is best: the lowest loss on held-out solutions, or the highest accuracy."""

    @property
    def evaluates(self) -> bool:
        """Whether anything is measured before the end."""
        return bool(self.eval_every or self.eval_accuracy_problems or self.load_best_model_at_end)


class TrainSettings(StageSettings, TrainerSettings, EvaluationSettings):
    """Settings of the stages "sft" and "cpt"; the defaults train a model of one million parameters on a CPU.

    With a `base` those of `optimizer`, `learning_rate`, `max_grad_norm` and `num_train_epochs` are others: a model that
    knows much already is trained by small steps, and on the same examples a few times at most.
    """

    stage: Literal["sft", "cpt"] = "sft"
    """"sft" trains on solutions, loss on what a model writes; "cpt" continues pre-training on packed raw text."""
    base: str | None = None
    """Folder (or Hub name) of the model to train; None trains a new one from scratch, tokenizer included."""
    max_train_tokens: int = Field(default=1_500_000, gt=0)
    """Tokens to train on, including prompts; examples are repeated when they run out."""
    num_train_epochs: float | None = Field(default=None, gt=0)
    """Passes over the examples, in place of `max_train_tokens`; with a `base` 3 (of "cpt" 1) if neither is set."""
    batch_tokens: int = Field(default=1024, gt=0)
    """Most tokens of one step of our loop, padding included."""
    optimizer: Literal["muon", "adamw", "adamw_8bit", "adafactor"] = "muon"
    """"muon": Muon for matrices, AdamW for the rest; "adamw_8bit" and "adafactor" save memory and need TRL. With a
    `base` "adamw" if not set."""
    learning_rate: float = Field(default=3e-3, gt=0)
    """Peak learning rate of matrices (of all with "adamw"); with a `base` 2e-5 if not set, with adapters 2e-4."""
    embedding_learning_rate: float = Field(default=4e-3, gt=0)
    """Peak learning rate of embeddings and norms with "muon"."""
    warmup_ratio: float = Field(default=0.02, ge=0, lt=1)
    """Share of the training over which the learning rate rises from zero."""
    lr_scheduler_type: Literal["linear", "cosine"] = "linear"
    """How the learning rate falls to zero after the warmup."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Decoupled weight decay of matrices."""
    adam_beta2: float = Field(default=0.95, ge=0, lt=1)
    """AdamW's second beta; the first is 0.9. Hugging Face's trainer uses 0.999."""
    max_grad_norm: float = Field(default=0.0, ge=0)
    """Euclidean norm that gradients are clipped to; 0 clips nothing. With a `base` 1 if not set."""
    word_dropout: float = Field(default=0.0, ge=0, lt=0.5)
    """Share of the question's words hidden in each example, so that the model does not rely on single words."""
    phases: list[Phase] = Field(default_factory=list)
    """A curriculum, in order; none: one phase in which every example is as likely as any other."""
    d_model: int = Field(default=128, gt=0, le=100_000)
    """Width of a new model."""
    num_layers: int = Field(default=4, gt=0, le=1_000)
    """Layers of a new model."""
    num_heads: int = Field(default=4, gt=0, le=1_000)
    """Attention heads of a new model."""
    d_ff: int = Field(default=384, gt=0, le=1_000_000)
    """Width of a new model's feed-forward layers."""
    vocab_size: int = Field(default=1500, ge=300, le=10_000_000)
    """Tokens of a new tokenizer, the 256 bytes and the formats' fixed strings included."""
    num_processes: int | None = Field(default=None, gt=0, le=1_024)
    """Processes that divide every step of our loop among them on a CPU; None takes one per core, at most four."""
    checkpoint_every: int | None = Field(default=None, gt=0)
    """Tokens between two checkpoints; None: a tenth of the training, with our loop at most 100,000 or five minutes."""

    @model_validator(mode="before")
    @classmethod
    def _further_training_is_gentle(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or given.get("base") is None:
            return given
        gentle: dict[str, Any] = {"optimizer": "adamw", "learning_rate": 2e-5, "max_grad_norm": 1.0}
        if given.get("lora_rank"):
            gentle["learning_rate"] = 2e-4
        if given.get("max_train_tokens") is None:
            gentle["num_train_epochs"] = 1.0 if given.get("stage") == "cpt" else 3.0
        return gentle | dict(given)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.lora_rank and self.base is None:
            raise ValueError(f"lora_rank = {self.lora_rank} needs a `base`: adapters cannot be added to a new model")
        if self.template == "chat" and self.base is None and self.chat_template is None:
            raise ValueError('template = "chat" needs a `base` that has a chat template, or chat_template = "FILE"')
        if self.trainer == "loop" and self.optimizer in ("adamw_8bit", "adafactor"):
            raise ValueError(f'optimizer = "{self.optimizer}" needs trainer = "trl"')
        if self.trainer == "trl" and self.optimizer == "muon":
            raise ValueError('optimizer = "muon" needs trainer = "loop"; with "trl" use "adamw"')
        if self.parallel != "none" and self.trainer != "trl":
            raise ValueError(f'parallel = "{self.parallel}" needs trainer = "trl"')
        if self.parallel != "none" and self.evaluates:
            raise ValueError(
                f'parallel = "{self.parallel}" cannot be combined with eval_every, eval_accuracy_problems or '
                "load_best_model_at_end: the weights are spread over processes until the end"
            )
        best_by_accuracy = self.load_best_model_at_end and self.metric_for_best_model == "accuracy"
        if best_by_accuracy and not self.eval_accuracy_problems:
            raise ValueError('metric_for_best_model = "accuracy" needs eval_accuracy_problems = 100, say')
        if self.num_gpus % self.num_nodes:
            raise ValueError(f"num_gpus = {self.num_gpus} is not a multiple of num_nodes = {self.num_nodes}")
        if self.num_gpus > 1 and self.parallel == "none":
            raise ValueError(f'num_gpus = {self.num_gpus} needs parallel = "fsdp2" or "zero3", which shard a run')
        if self.phases and self.packing != "none":
            raise ValueError(f'phases need packing = "none": "{self.packing}" changes the order of the examples')
        return self


class ValueSettings(StageSettings):
    """Settings of the stage "value"; the defaults are OVM's, the language model's loss on correct samples."""

    stage: Literal["value"] = "value"
    """Trains a value head in addition to the language model."""
    base: str
    """Folder (or Hub name) of the model that wrote the solutions, or of another."""
    per_problem: int = Field(default=8, ge=1)
    """Most correct and most incorrect solutions used per problem; the same number of both."""
    holdout: float = Field(default=0.1, ge=0, lt=1)
    """Share of the problems held out to evaluate the values at the end."""
    read_at: Literal["tokens", "steps"] = "tokens"
    """Train the value at every written token (OVM), or at the ends of lines and at the last token (AlphaMath)."""
    value_loss: Literal["bce", "mse"] = "bce"
    """Cross-entropy of a probability, or squared distance from the outcome (OVM's and AlphaMath's)."""
    value_range: Literal["01", "pm1"] = "01"
    """Targets of incorrect and correct: 0 and 1, or (with "mse", through tanh) -1 and 1."""
    value_weight: float = Field(default=1.0, gt=0)
    """Weight of the value loss; AlphaMath used 0.1."""
    lm_weight: float = Field(default=1.0, ge=0)
    """Weight of the language model's loss; 0 lets the model forget how to write."""
    lm_on: Literal["correct", "all"] = "correct"
    """Solutions whose tokens are in the language model's loss; OVM's code used all."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the hidden state before the head; OVM used 0.2."""
    num_train_epochs: float = Field(default=1.0, gt=0)
    """Passes over the solutions."""
    batch_tokens: int = Field(default=2048, gt=0)
    """Most tokens of one step, padding included."""
    learning_rate: float = Field(default=1e-5, gt=0)
    """AdamW's peak learning rate (OVM's); it falls linearly. With adapters (`lora_rank`) the default is 2e-4."""
    head_learning_rate: float | None = Field(default=None, gt=0)
    """Peak learning rate of the head; None takes `learning_rate`."""
    warmup_ratio: float = Field(default=0.02, ge=0, lt=1)
    """Share of the training over which the learning rates rise from zero."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled weight decay of matrices."""
    checkpoint_every: int | None = Field(default=None, gt=0)
    """Tokens between two checkpoints; None: a tenth of the training, at most 100,000 or five minutes."""

    @model_validator(mode="before")
    @classmethod
    def _adapters_learn_faster(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("lora_rank"):
            return {"learning_rate": 2e-4, **given}
        return given

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.value_range == "pm1" and self.value_loss == "bce":
            raise ValueError('value_range = "pm1" needs value_loss = "mse": its targets are not probabilities')
        if self.prompt_variant != "one":
            raise ValueError(
                f'prompt_variant = "{self.prompt_variant}": solutions are scored with one prompt; set it to "one"'
            )
        return self

    @property
    def squash(self) -> Literal["none", "sigmoid", "tanh"]:
        """The function that turns the head's output into a value."""
        return "tanh" if self.value_range == "pm1" else "sigmoid" if self.value_loss == "bce" else "none"


class RolloutSettings(TurnSettings):
    """Settings of the solutions that GRPO samples from the model under training."""

    format: FormatName = "tir"
    """Format the solutions are written in; also a file of your own ("my.toml")."""
    temperature: float = Field(default=1.0, gt=0, le=100)
    """Sampling temperature."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus sampling: share of probability that tokens are sampled from."""


class GrpoSettings(StageSettings, RolloutSettings):
    """Settings of the stage "grpo"; what is not named here is TRL's default."""

    stage: Literal["grpo"] = "grpo"
    """Rewards correct solutions (GRPO)."""
    base: str
    """Folder (or Hub name) of the model to train."""
    max_steps: int = Field(default=100, gt=0)
    """Updates of the weights."""
    num_generations: int = Field(default=8, ge=2, le=10_000)
    """Solutions of one problem that are compared with each other (GRPO's group)."""
    batch_size: int = Field(default=32, gt=0)
    """Solutions of one update, a multiple of `num_generations`."""
    learning_rate: float = Field(default=1e-6, gt=0)
    """AdamW's learning rate, constant."""
    beta: float = Field(default=0.0, ge=0)
    """Weight of the KL divergence from the base; 0 needs no second model in memory."""
    epsilon: float = Field(default=0.2, gt=0)
    """Clipping range of the ratio of a token's probabilities after and before the update."""
    loss_type: Literal["grpo", "dapo", "dr_grpo", "bnpo"] = "dapo"
    """How token losses are averaged, by TRL's names."""
    mask_void_turns: bool = False
    """Learn nothing from a solution that has a turn with neither code nor an answer (SimpleTIR, arXiv 2509.02479)."""
    save_steps: int = Field(default=50, gt=0)
    """Updates between two checkpoints."""
    profile: str = REWARDS
    """The grading rules of the reward, with policies ("slipstick-strict:percent=either")."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.batch_size % self.num_generations:
            raise ValueError(
                f"batch_size = {self.batch_size} is not a multiple of num_generations = {self.num_generations}"
            )
        if self.template not in ("format", "chat"):
            raise ValueError(f'template = "{self.template}": stage "grpo" supports only "format" and "chat"')
        if self.format == "hybrid":
            raise ValueError('format = "hybrid": stage "grpo" samples in one format; set it to "pot", say')
        return self
