"""Replies that are kept across runs: a request that was answered before gets that answer, at no cost.

A request is the same if these are: the model's name (and its files, if it is some), all that is sent with it, the
problem with its id, the format, the prompt, the turn, the sampling and the seed; with a temperature the number of the
sample too, so that samples stay different. Where the model is served does not count.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import sqlite3
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from slipstick.cache_folder import cache_folder
from slipstick.errors import ModelError
from slipstick.formats import join, render_chat, render_example
from slipstick.models import CHANGES_REPLIES, Model, ModelSettings, Reply, Request
from slipstick.plugins import split_spec

_LOGGER = logging.getLogger(__name__)
_FILE = "replies.sqlite"
_SECONDS = 30.0
"""That another process is waited for."""
_EVERY = 256
"""Replies after which the size is looked at."""
_MB = 1 << 20
_KEPT_ALREADY = frozenset({"fake", "replay"})
"""Plug-ins that read replies from a file: a second copy saves nothing, and a replay is asked for its outputs, too."""


class CachedModel(Model):
    """A model that is asked only for what the cache does not have."""

    def __init__(self, model: Model, cache: ReplyCache, identity: str) -> None:
        """identity: of the model and of all that is sent with every request."""
        self.name, self.patient = model.name, model.patient
        self._model, self._cache, self._identity = model, cache, identity
        # A thread of its own: while another process writes, all others would wait with it, and lookups for them.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="replies")

    async def generate(self, request: Request) -> Reply:
        """The reply of before, `cached` and at no cost, or the model's, which is kept unless it failed."""
        key = key_of(self._identity, request)
        if kept := await asyncio.to_thread(self._cache.get, key):
            return kept.model_copy(update={"cost": 0.0, "cached": True})
        reply = await self._model.generate(request)
        if reply.finish != "error" and not reply.error:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._cache.put, key, reply)
        return reply

    async def describe(self) -> dict[str, str]:
        """As the model, and the file of the cache."""
        return {**await self._model.describe(), "cache": str(self._cache.path)}

    async def keep_in(self, folder: Path) -> None:
        """As the model."""
        await self._model.keep_in(folder)

    def throttle(self, *, paused: bool, most: int | None) -> bool:
        """As the model."""
        return self._model.throttle(paused=paused, most=most)

    def trouble(self) -> str:
        """As the model."""
        return self._model.trouble()

    def progress(self) -> str:
        """As the model."""
        return self._model.progress()

    async def close(self) -> None:
        """Closes the model and the cache."""
        try:
            await self._model.close()
        finally:
            await asyncio.to_thread(self._writer.shutdown)
            self._cache.close()


class ReplyCache:
    """Replies by key in a SQLite file, which several processes may use at one time and a kill leaves whole."""

    def __init__(self, path: Path, *, most_mb: int) -> None:
        """most_mb: size of the file, above which the oldest replies are removed. Raises ModelError for another file."""
        self.path = path
        self._most = most_mb * _MB
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._written = 0
        self._unreadable = set[str]()
        """Keys whose replies were found to be unreadable."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Two connections, so that a reply is read while another waits for its turn to be written.
            self._file, self._kept = (
                sqlite3.connect(path, timeout=_SECONDS, check_same_thread=False, isolation_level=None) for _ in range(2)
            )
            # Readers and a writer do not wait for each other, and a kill loses nothing; a power cut, the last replies.
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS replies (number INTEGER PRIMARY KEY, key TEXT UNIQUE, reply TEXT)"
            )
            self._shrink()
        except (sqlite3.Error, OSError) as error:
            raise ModelError(f"{path} cannot be used as a cache of replies ({error}): name another file") from error

    def get(self, key: str) -> Reply | None:
        """The reply that is kept, if there is one."""
        try:
            with self._reading:
                row = self._kept.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
            return Reply.model_validate_json(row[0]) if row else None
        except sqlite3.Error as error:
            _LOGGER.warning("%s: a reply cannot be read (%s)", self.path, error)
        except ValueError as error:  # of another version, or damaged: it counts as none, until another takes its place
            self._unreadable.add(key)
            _LOGGER.warning("%s: a reply cannot be read and is asked for again (%s)", self.path, error)
        return None

    def put(self, key: str, reply: Reply) -> None:
        """Keeps a reply; that of another process for the same key stays, unless it was found to be unreadable.

        What cannot be written is not kept.
        """
        try:
            with self._lock:
                row = (key, reply.model_dump_json(exclude_defaults=True))
                otherwise = "REPLACE" if key in self._unreadable else "IGNORE"
                self._file.execute(f"INSERT OR {otherwise} INTO replies (key, reply) VALUES (?, ?)", row)
                self._unreadable.discard(key)
                self._written += 1
                if self._written % _EVERY == 0:
                    self._shrink()
        except (sqlite3.Error, UnicodeError) as error:
            _LOGGER.warning("%s: a reply is not kept (%s)", self.path, error)

    def close(self) -> None:
        """Closes the file."""
        with self._reading, self._lock:
            self._kept.close()
            self._file.close()

    def _shrink(self) -> None:
        """Removes the oldest tenth until the file's pages in use are few enough; freed pages are used again."""
        while self._used() > self._most:
            oldest, newest = self._file.execute("SELECT min(number), max(number) FROM replies").fetchone()
            if oldest is None:
                return
            self._file.execute("DELETE FROM replies WHERE number <= ?", (oldest + (newest - oldest) // 10,))

    def _used(self) -> int:
        size, pages, free = (
            self._file.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_size", "page_count", "freelist_count")
        )
        return int(size * (pages - free))


def cached(model: Model, spec: str, settings: ModelSettings) -> Model:
    """The model of a recipe with the cache that its settings ask for, or as it is. Raises ModelError.

    Models whose replies are in a file already stay as they are.
    """
    if settings.cache is False or split_spec(spec)[0] in _KEPT_ALREADY:
        return model
    path = cache_folder() / _FILE if settings.cache is True else Path(settings.cache)
    sent = settings.model_dump(mode="json", include=set(CHANGES_REPLIES))
    identity = json.dumps([spec, sent, _files(spec.partition(":")[2])], sort_keys=True)
    return CachedModel(model, ReplyCache(path, most_mb=settings.cache_mb), identity)


def key_of(identity: str, request: Request) -> str:
    """The hash under which a reply is kept: of the model, the problem, the format, the prompt as it is laid out, the
    turn, the sampling and the seed."""
    format, problem, sampling = request.format, request.problem, request.sampling
    asked: Mapping[str, Any] = {
        "model": identity,
        "problem": [problem.id, problem.text, problem.choices, problem.kind],
        "chat": render_chat(format, problem, request.blocks),
        "text": join(render_example(format, problem, request.blocks)),
        "format": format.model_dump(mode="json", exclude={"demonstrations"}),
        "turn": request.turn,
        "sampling": sampling.model_dump(),
        "sample": request.sample if sampling.temperature > 0 else None,
    }
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _files(argument: str) -> list[tuple[str, int, int]]:
    """Name, size and time of the files that a model consists of, if it is a file or folder: it may be trained again."""
    path = Path(argument)
    if not argument or not path.exists():
        return []
    found = sorted(each for each in (path.iterdir() if path.is_dir() else [path]) if each.is_file())
    return [(each.name, each.stat().st_size, each.stat().st_mtime_ns) for each in found]
