"""Divides a step among CPU processes: each computes its part of the batch, on weights that all of them share.

Operations of a small model are too short to be worth dividing among threads one by one (two threads are slower than
one), and whole passes in threads wait for Python's lock; in processes they do not. Weights and gradients lie in memory
that parent and children share, so that a step costs no copy but the sum of the gradients.
"""

import mmap
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import torch

from slipstick.encode.encoding import IGNORED, Encoded
from slipstick.errors import UserError

T = TypeVar("T")
_Batch = Sequence[Encoded]


class Replicas:
    """A model and the processes that share its weights; each has gradients of its own.

    The sum of the gradients is always taken in the same order, so that the same number of processes gives the same
    numbers; another number gives others in the last bits.
    """

    def __init__(self, model: Any, *, processes: int, bf16: bool = False) -> None:
        """Starts the processes by fork: the model must be on the CPU if there are several.

        bf16: whether matrices are multiplied in bfloat16.
        """
        self._model = model
        self._bf16 = bf16
        self._pool = ThreadPoolExecutor(processes, thread_name_prefix="slipstick-train")
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._grads: list[torch.Tensor] = []
        self._children: list[tuple[multiprocessing.Process, Connection]] = []
        if processes > 1:
            _place(self._parameters, _shared(self._parameters), "data")
            self._grads = [_shared(self._parameters) for _ in range(processes)]
            for rank in range(1, processes):
                self._children.append(self._begin(rank))
            _place(self._parameters, self._grads[0], "grad")

    def gradients(self, batch: _Batch, *, seed: int) -> float:
        """Leaves the gradients of the mean loss over the batch's labels in the model; gives that loss.

        seed: of what is left out at random in this step.
        """
        counted = sum(label != IGNORED for example in batch for label in example.labels[1:])
        shares = [batch[i :: len(self._children) + 1] for i in range(len(self._children) + 1)]
        for (_, pipe), share in zip(self._children, shares[1:], strict=True):
            pipe.send((share, counted, seed))
        for gradient in self._grads[:1]:
            gradient.zero_()
        losses = [self._backward(shares[0], counted=counted, seed=seed)]
        for (child, pipe), gradient in zip(self._children, self._grads[1:], strict=True):
            losses.append(_answer(child, pipe))
            self._grads[0].add_(gradient)
        return sum(losses)

    def free_gradients(self) -> None:
        """Frees the gradients, unless they are in shared memory."""
        if not self._grads:
            for parameter in self._parameters:
                parameter.grad = None

    def map(self, work: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        """`work` for every item, concurrently, in threads of this process."""
        return list(self._pool.map(work, items))

    def close(self) -> None:
        """Ends the processes; the model is left with weights of its own and no gradients."""
        self._pool.shutdown()
        for child, pipe in self._children:
            pipe.close()
            child.join()
        for parameter in self._parameters:
            parameter.grad = None
            if self._grads:
                parameter.data = parameter.data.clone()

    def _begin(self, rank: int) -> tuple[multiprocessing.Process, Connection]:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        inherited = [ours, *(pipe for _, pipe in self._children)]
        child: Any = context.Process(target=self._serve, args=(rank, theirs, inherited), daemon=True)
        child.start()
        theirs.close()
        return child, ours

    def _serve(self, rank: int, pipe: Connection, inherited: Sequence[Connection]) -> None:
        """What a child does until its parent closes the pipe or ends."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
        for other in inherited:
            other.close()  # else the pipe would stay open after the parent's death
        torch.set_num_threads(1)
        gradient = self._grads[rank]
        _place(self._parameters, gradient, "grad")
        while True:
            try:
                share, counted, seed = pipe.recv()
            except (EOFError, OSError):
                os._exit(0)
            gradient.zero_()
            answer: float | str
            try:
                answer = self._backward(share, counted=counted, seed=seed + rank)
            except Exception as error:  # boundary: the parent raises it
                answer = f"{type(error).__name__}: {error}"
            try:
                pipe.send(answer)
            except OSError:  # the parent failed meanwhile and reports that
                os._exit(0)

    def _backward(self, batch: _Batch, *, counted: int, seed: int) -> float:
        """Gradients of the batch's summed loss over `counted`; gives that loss."""
        if not batch:
            return 0.0
        torch.manual_seed(seed)
        loss = summed_loss(self._model, batch, bf16=self._bf16) / counted
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())


def summed_loss(model: Any, batch: _Batch, *, bf16: bool) -> torch.Tensor:
    """The loss summed over the labels of a batch, in nats.

    Padding is on the right, which no labelled token attends to, so no mask is needed. Output columns without any
    label are never computed.
    """
    width = max(len(example.ids) for example in batch) - 1
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    labels = torch.full((len(batch), width), IGNORED, dtype=torch.long)
    for i, example in enumerate(batch):
        ids[i, : min(width, len(example.ids))] = torch.tensor(example.ids[:width])
        labels[i, : len(example.labels) - 1] = torch.tensor(example.labels[1:])
    device = model.device
    ids, labels = ids.to(device), labels.to(device)
    columns = (labels != IGNORED).any(0).nonzero()[:, 0]
    labels = labels[:, columns]
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        logits = model(input_ids=ids, use_cache=False, logits_to_keep=columns).logits
    chosen = labels != IGNORED
    return torch.nn.functional.cross_entropy(logits[chosen].float(), labels[chosen], reduction="sum")


def _answer(child: multiprocessing.Process, pipe: Connection) -> float:
    try:
        answer: float | str = pipe.recv()
    except EOFError:
        child.join()
        raise UserError(
            f"a training process was killed (exit code {child.exitcode}), most likely for lack of memory: "
            "set num_processes = 1 and rerun with --resume"
        ) from None
    if isinstance(answer, str):
        raise RuntimeError(f"in a training process: {answer}")
    return answer


def _shared(parameters: Sequence[torch.Tensor]) -> torch.Tensor:
    """Zeros, one per weight, in memory that processes forked later share; float32."""
    size = sum(parameter.numel() for parameter in parameters)
    return torch.frombuffer(mmap.mmap(-1, 4 * size), dtype=torch.float32)


def _place(parameters: Sequence[Any], flat: torch.Tensor, field: str) -> None:
    """Lays the parameters' data or gradients into `flat`, one after another; data keep their values."""
    at = 0
    for parameter in parameters:
        view = flat[at : at + parameter.numel()].view(parameter.shape)
        if field == "data":
            view.copy_(parameter.data)
        setattr(parameter, field, view)
        at += parameter.numel()
