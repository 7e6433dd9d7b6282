"""Optuna's storage in a database, which closes its connections if it cannot be opened."""

from __future__ import annotations

from typing import Any

from optuna.storages import RDBStorage


class Database(RDBStorage):
    """A database by its SQLAlchemy URL."""

    def __init__(self, url: str, engine_kwargs: dict[str, Any]) -> None:
        try:
            super().__init__(url, engine_kwargs)
        except BaseException:
            if "engine" in self.__dict__:
                self.engine.dispose()
            raise
