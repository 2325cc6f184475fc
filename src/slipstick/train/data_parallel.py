"""Divides a step among CPU processes: each computes its part of the batch, on weights that all of them share.

Operations of a small model are too short to be worth dividing among threads one by one (two threads are slower than
one), and whole passes in threads wait for Python's lock; in processes they do not. Weights and gradients lie in memory
that parent and children share, so that a step costs no copy but the sum of the gradients.
"""

import atexit
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
from slipstick.train.kernels import loss_of_labels
from slipstick.train.precision import Arithmetic, shared_numbers

T = TypeVar("T")
_Flat = dict[torch.dtype, torch.Tensor]
_Batch = Sequence[Encoded]
_PLAIN = Arithmetic()


class Replicas:
    """A model and the processes that share its weights; each has gradients of its own.

    The sum of the gradients is always taken in the same order, so that the same number of processes gives the same
    numbers; another number gives others in the last bits.
    """

    def __init__(self, model: Any, *, processes: int, arithmetic: Arithmetic = _PLAIN) -> None:
        """Starts the processes by fork: the model must be on the CPU if there are several.

        arithmetic: what the model is prepared for.
        """
        self._model, self._arithmetic = model, arithmetic
        self._pool = ThreadPoolExecutor(processes, thread_name_prefix="slipstick-train")
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._narrow = any(p.dtype != torch.float32 for p in self._parameters)
        self._grads: list[_Flat] = []
        self._of_all: list[dict[int, torch.Tensor]] = []
        self._children: list[tuple[multiprocessing.Process, Connection]] = []
        if processes > 1:
            _place(self._parameters, _shared(self._parameters), "data")
            self._grads = [_shared(self._parameters) for _ in range(processes)]
            self._of_all = [_views(self._parameters, flat) for flat in self._grads]
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
            _zero(gradient)
        losses = [self._backward(shares[0], counted=counted, seed=seed)]
        for (child, pipe), gradient in zip(self._children, self._grads[1:], strict=True):
            losses.append(_answer(child, pipe))
            if not self._narrow:
                for dtype, flat in self._grads[0].items():
                    flat.add_(gradient[dtype])
        return sum(losses)

    def gradient(self, parameter: Any) -> torch.Tensor:
        """The gradient of a parameter in bfloat16, summed over the processes in float32; zeros if it has none."""
        if not self._grads:
            return (
                torch.zeros_like(parameter, dtype=torch.float32) if parameter.grad is None else parameter.grad.float()
            )
        total = self._of_all[0][id(parameter)].to(torch.float32, copy=True)
        for views in self._of_all[1:]:
            total.add_(views[id(parameter)])
        return total

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
            atexit.unregister(child.kill)
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
        atexit.register(child.kill)  # else a parent that ends by an error would wait for it
        theirs.close()
        return child, ours

    def _serve(self, rank: int, pipe: Connection, inherited: Sequence[Connection]) -> None:
        """What a child does until its parent closes the pipe or ends."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the parent handles what is sent to all of them, after the step
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
            _zero(gradient)
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
        loss = summed_loss(self._model, batch, self._arithmetic) / counted
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())


def summed_loss(model: Any, batch: _Batch, arithmetic: Arithmetic = _PLAIN) -> torch.Tensor:
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
    if arithmetic.fused:
        with torch.autocast("cpu", torch.bfloat16, enabled=arithmetic.bf16):
            return loss_of_labels(model, ids, labels)
    columns = (labels != IGNORED).any(0).nonzero()[:, 0]
    labels = labels[:, columns]
    with torch.autocast(device.type, torch.bfloat16, enabled=arithmetic.bf16):
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


def _shared(parameters: Sequence[torch.Tensor]) -> _Flat:
    """Zeros, one per weight, in memory that processes forked later share: a row of numbers for each type."""
    flat: _Flat = {}
    for dtype in {parameter.dtype: None for parameter in parameters}:
        count = sum(parameter.numel() for parameter in parameters if parameter.dtype == dtype)
        flat[dtype] = shared_numbers(count, dtype)
    return flat


def _views(parameters: Sequence[Any], flat: _Flat) -> dict[int, torch.Tensor]:
    """Where each parameter (by its id) has its place in `flat`: one after another."""
    at, views = dict.fromkeys(flat, 0), {}
    for parameter in parameters:
        begin, end = at[parameter.dtype], at[parameter.dtype] + parameter.numel()
        views[id(parameter)] = flat[parameter.dtype][begin:end].view(parameter.shape)
        at[parameter.dtype] = end
    return views


def _place(parameters: Sequence[Any], flat: _Flat, field: str) -> None:
    """Lays the parameters' data or gradients into `flat`; data keep their values."""
    views = _views(parameters, flat)
    for parameter in parameters:
        view = views[id(parameter)]
        if field == "data":
            view.copy_(parameter.data)
        setattr(parameter, field, view)


def _zero(flat: _Flat) -> None:
    for numbers in flat.values():
        numbers.zero_()
