"""Connections in several small pools: a pool searches all its connections at every request, which adds up.

A file of its own, as importing httpx2 takes a third of a second.
"""

import functools
import os
import ssl

import httpx2

_POOLS = 16


@functools.cache
def _certificates(*_: str | None) -> ssl.SSLContext:
    """What servers' certificates are checked with, by the variables that name it: reading it takes 30 ms."""
    return httpx2.create_ssl_context()


class PooledTransport(httpx2.AsyncBaseTransport):
    """Sends each request through the pool with the fewest running; connections are unlimited."""

    def __init__(self) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        verify = _certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        self._pools = [httpx2.AsyncHTTPTransport(verify=verify, limits=limits) for _ in range(_POOLS)]
        self._running = [0] * _POOLS

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See `httpx2.AsyncBaseTransport`; a request is running until its response begins."""
        pool = min(range(_POOLS), key=self._running.__getitem__)
        self._running[pool] += 1
        try:
            return await self._pools[pool].handle_async_request(request)
        finally:
            self._running[pool] -= 1

    async def aclose(self) -> None:
        """Closes all connections."""
        for pool in self._pools:
            await pool.aclose()
