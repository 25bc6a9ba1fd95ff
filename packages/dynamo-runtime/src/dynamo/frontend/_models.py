"""The models that can be asked now, as workers come and go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dynamo._tasks import end
from dynamo.frontend._errors import NotFoundError
from dynamo.frontend._workers import Worker, WorkerMetrics

if TYPE_CHECKING:
    from dynamo.discovery import Model, ModelWatch
    from dynamo.frontend._metrics import FrontendMetrics
    from dynamo.frontend._requests import Kind
    from dynamo.frontend._routing import Order
    from dynamo.runtime import Client, DistributedRuntime

_RETRY_INTERVAL = 1.0
"""Seconds between two attempts to watch an endpoint, while discovery cannot be reached."""

_log = logging.getLogger("dynamo.frontend")

_Path = tuple[str, str, str]


class ServedModel:
    """A model with at least one worker."""

    def __init__(self, name: str, order: Order) -> None:
        self.name = name
        self.created = int(time.time())
        """When its first worker was found, in seconds since 1970."""
        self.entries: list[Model] = []
        """What its workers have registered, the oldest first."""
        self._workers: list[Worker] = []
        self._order = order

    def order(self, kind: Kind) -> Sequence[Worker]:
        """Return the workers that take such requests, in the order in which to try them."""
        pairs = zip(self.entries, self._workers, strict=True)
        return self._order([worker for entry, worker in pairs if kind in entry.kinds])

    def put(self, entries: list[Model], workers: list[Worker]) -> None:
        """Replace the workers, and what they have registered."""
        self.entries, self._workers = entries, workers


class Models:
    """Follows discovery. A worker counts while its model and its instance are both registered."""

    def __init__(
        self,
        runtime: DistributedRuntime,
        make_order: Callable[[], Order],
        metrics: FrontendMetrics,
        workers: WorkerMetrics,
    ) -> None:
        self._runtime = runtime
        self._make_order = make_order
        self._metrics = metrics
        self._worker_metrics = workers
        self._watch: ModelWatch | None = None
        self._clients: dict[_Path, Client] = {}
        self._refused: set[_Path] = set()
        self._workers: dict[tuple[_Path, int], Worker] = {}
        self._served: dict[str, ServedModel] = {}

    @property
    def served(self) -> list[ServedModel]:
        """The models that can be asked now, by their names."""
        return sorted(self._served.values(), key=lambda model: model.name)

    @property
    def workers(self) -> list[Worker]:
        """The workers of all models."""
        return list(self._workers.values())

    def find(self, name: str, kind: Kind | None = None) -> ServedModel:
        """Return a model that takes such requests. Raises ``NotFoundError``."""
        model = self._served.get(name)
        if model is None:
            names = ", ".join(model.name for model in self.served)
            instead = f"use one of {names}" if names else "no worker has registered a model"
            raise NotFoundError.model(name[:100], instead)
        if kind is not None and not any(kind in entry.kinds for entry in model.entries):
            raise NotFoundError.model(name, f"its workers do not take requests for {kind}")
        return model

    async def open(self) -> None:
        """Connect, once. Raises as ``Endpoint.client`` does."""
        network = self._runtime._shared.network()
        await network.open()
        self._watch = await network.discovery.watch_models()

    async def follow(self) -> None:
        """Keep the models up to date until cancelled, after ``open``."""
        watch = self._watch
        assert watch is not None
        followers: list[asyncio.Task[None]] = []
        try:
            while True:
                timeout = None
                try:
                    followers.extend(await self._new_clients(watch))
                except (OSError, RuntimeError) as error:
                    _log.warning("an endpoint cannot be watched, retrying: %s", error)
                    timeout = _RETRY_INTERVAL
                # Nothing is awaited between this and the wait: no change is missed.
                self._update()
                await watch.change(timeout)
        finally:
            await end(followers)

    async def _new_clients(self, watch: ModelWatch) -> list[asyncio.Task[None]]:
        followers = []
        known = self._clients.keys()
        while missing := {model.path for model in watch.models} - known - self._refused:
            for path in missing:
                namespace, component, name = path
                try:
                    node = self._runtime.namespace(namespace).component(component)
                    client = await node.endpoint(name).client()
                except ValueError as error:  # names that this runtime refuses
                    self._refused.add(path)
                    _log.warning("a model of %s cannot be asked: %s", "/".join(path), error)
                    continue
                self._clients[path] = client
                followers.append(asyncio.create_task(self._follow_instances(client)))
        return followers

    async def _follow_instances(self, client: Client) -> None:
        while True:
            self._update()
            await client.wait_for_change()

    def _update(self) -> None:
        assert self._watch is not None
        instances = {path: set(client.instance_ids()) for path, client in self._clients.items()}
        found: dict[str, list[Model]] = {}
        workers: dict[tuple[_Path, int], Worker] = {}
        for model in self._watch.models:
            if model.instance_id not in instances.get(model.path, ()):
                continue
            found.setdefault(model.name, []).append(model)
            key = model.path, model.instance_id
            workers[key] = self._workers.get(key) or Worker(self._clients[model.path], model)
        for key in self._workers.keys() - workers.keys():
            self._worker_metrics.hide(self._workers[key])
        for key in workers.keys() - self._workers.keys():
            self._worker_metrics.show(workers[key])
        self._workers = workers
        for name in self._served.keys() - found.keys():
            del self._served[name]
            self._metrics.hide_model(name)
            _log.info("model %s has no worker left", name)
        for name, entries in found.items():
            self._put(name, entries)

    def _put(self, name: str, entries: list[Model]) -> None:
        served = self._served.get(name)
        if served is None:
            served = self._served[name] = ServedModel(name, self._make_order())
            _log.info("model %s has a worker", name)
        if served.entries != entries:
            workers = [self._workers[entry.path, entry.instance_id] for entry in entries]
            served.put(entries, workers)
            self._metrics.show_model(entries[0])
