"""Connections in several small pools: a pool looks through all its connections at every request, which adds up."""

from __future__ import annotations

import httpx2

_POOLS = 16


class Spread(httpx2.AsyncBaseTransport):
    """Sends each request through the pool with the fewest under way; there is no limit on connections."""

    def __init__(self) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        verify = httpx2.create_ssl_context()
        self._pools = [httpx2.AsyncHTTPTransport(verify=verify, limits=limits) for _ in range(_POOLS)]
        self._under_way = [0] * _POOLS

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See `httpx2.AsyncBaseTransport`; a request is under way until its response begins."""
        place = min(range(_POOLS), key=self._under_way.__getitem__)
        self._under_way[place] += 1
        try:
            return await self._pools[place].handle_async_request(request)
        finally:
            self._under_way[place] -= 1

    async def aclose(self) -> None:
        """Closes all connections."""
        for pool in self._pools:
            await pool.aclose()
