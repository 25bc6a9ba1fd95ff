"""Registers in a file of its own, and watches those of all."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from dynamo._directory import open_directory
from dynamo.discovery._records import Instance, Model, Target
from dynamo.discovery._watch import ModelKey, ModelWatch, Watch, model_key
from dynamo.discovery.file.store import Entries, OwnEntry, Records

POLL_INTERVAL = 0.1
"""Seconds between two reads of the directory while there are watchers."""
_RESTORE_INTERVAL = 2.0
"""Seconds between two looks whether the own entry is still there."""

_log = logging.getLogger("dynamo.runtime")

_Path = tuple[str, str, str]


class FileDiscovery:
    """Knows the runtimes of the same user on this host."""

    def __init__(self, directory: Path) -> None:
        self._own = OwnEntry(directory)
        self._entries = Entries(directory)
        self._instances: dict[Instance, None] = {}
        self._targets: dict[int, Target] = {}
        self._models: dict[ModelKey, Model] = {}
        self._watches: dict[_Path, Watch] = {}
        self._model_watch: ModelWatch | None = None
        self._polling: asyncio.Task[None] | None = None
        self._closed = False

    @classmethod
    def open(cls) -> FileDiscovery:
        """Open the directory. Raises ``OSError`` if it cannot be used."""
        return cls(open_directory())

    async def register(self, instance: Instance) -> None:
        """Let clients find an instance, for as long as this process lives."""
        self._instances[instance] = None
        self._write()

    async def unregister(self, instance: Instance) -> None:
        """Remove an instance: clients no longer find it."""
        self._instances.pop(instance, None)
        self._write()

    async def register_model(self, model: Model) -> None:
        """Let frontends find a model, for as long as this process lives."""
        self._models[model_key(model)] = model
        self._write()

    async def announce(self, instance_id: int, target: Target) -> None:
        """Let Prometheus find a runtime, with these labels from now on."""
        self._targets[instance_id] = target
        self._write()

    async def watch(self, namespace: str, component: str, endpoint: str) -> Watch:
        """Return the instances of an endpoint, kept up to date."""
        path = (namespace, component, endpoint)
        if path not in self._watches:
            self._watches[path] = Watch()
            self._look()
            self._poll()
        return self._watches[path]

    async def watch_models(self) -> ModelWatch:
        """Return the models of all workers, kept up to date."""
        if self._model_watch is None:
            self._model_watch = ModelWatch()
            self._look()
            self._poll()
        return self._model_watch

    async def own_address(self) -> str:
        """Return the loopback address: all users of this discovery are on this host."""
        return "127.0.0.1"

    async def targets(self) -> list[Target]:
        """Return the status servers now. Raises ``ConnectionError`` if they cannot be read."""
        try:
            return [target for records in self._entries.records() for target in records.targets]
        except OSError as error:
            raise ConnectionError(f"discovery cannot be read: {error}") from None

    async def close(self) -> None:
        """Remove what was registered here. What is registered from now on stays unregistered."""
        self._closed = True
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait({self._polling})
        self._own.remove()
        self._entries.close()

    def _write(self) -> None:
        if self._closed:
            return
        self._own.write(
            Records(
                tuple(self._instances), tuple(self._targets.values()), tuple(self._models.values())
            )
        )
        self._look()
        self._poll()

    def _poll(self) -> None:
        if self._polling is None and not self._closed:
            self._polling = asyncio.get_running_loop().create_task(self._keep_looking())

    async def _keep_looking(self) -> None:
        turns = round(_RESTORE_INTERVAL / POLL_INTERVAL)
        failed = False
        while True:
            for _ in range(turns):
                await asyncio.sleep(POLL_INTERVAL if self._is_watched else _RESTORE_INTERVAL)
                try:
                    self._look()
                    if not self._is_watched:
                        break
                except OSError as error:
                    if not failed:
                        _log.warning("discovery cannot be read, retrying: %s", error)
                    failed = True
                else:
                    failed = False
            try:
                self._own.restore()
            except OSError as error:
                _log.warning("discovery could not restore its entry, retrying: %s", error)

    def _look(self) -> None:
        """Bring all watches up to date."""
        if not self._is_watched:
            return
        found: dict[_Path, dict[int, Instance]] = {path: {} for path in self._watches}
        models: dict[ModelKey, Model] = {}
        for records in self._entries.records():
            models.update((model_key(model), model) for model in records.models)
            for instance in records.instances:
                path = (instance.namespace, instance.component, instance.endpoint)
                if path in found:
                    found[path][instance.instance_id] = instance
        for path, instances in found.items():
            self._watches[path].replace(instances)
        if self._model_watch is not None:
            self._model_watch.replace(models)

    @property
    def _is_watched(self) -> bool:
        return bool(self._watches) or self._model_watch is not None
