"""A storage's address, as it may be shown: passwords appear in no message, log or repr."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote, quote_plus

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bonas.errors import StorageUnavailable
from bonas.studies.storages.classification import error_chain

_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
_DRIVERS |= {name: f"{name}+pymysql" for name in ("mysql", "mariadb")}
_SECRET = re.compile(r"pass|pwd|secret|token|odbc_connect", re.IGNORECASE)  # a query's keys
_PATH = re.compile(r"([A-Za-z]:[\\/])?[\w ./\\~+-]*")  # what holds no password for certain
_SPELT = re.compile(r"://[^:/]*:([^@]*)@")  # a password as SQLAlchemy finds it, not yet decoded
_SCHEME = re.compile(r"(\w+)://")


@dataclass(frozen=True, slots=True)
class Address:
    """A URL whose text is never shown as it stands."""

    text: str = field(repr=False)

    @property
    def scheme(self) -> str:
        """What stands before ``://``, without a driver; empty if this is no URL."""
        return self.text.partition("://")[0].partition("+")[0] if "://" in self.text else ""

    def with_driver(self) -> Address:
        """The same with the driver that bonas's extras install, where none is named."""
        found = _SCHEME.match(self.text)
        if found is None or found[1] not in _DRIVERS:
            return self
        return replace(self, text=f"{_DRIVERS[found[1]]}://{self.text[found.end() :]}")

    def url(self) -> URL:
        """Its parts.

        Raises:
            StorageUnavailable: if it cannot be read; the message does not repeat it.
        """
        url = self.url_or_none()
        if url is None:
            raise StorageUnavailable(
                f"cannot open the storage {self}: expected a URL such as sqlite:///search.db or "
                "postgresql://user:password@host/database (in a password, write @ as %40 and / as "
                "%2F), a file such as search.log, or an Optuna storage"
            )
        return url

    def __str__(self) -> str:
        url = self.url_or_none()
        if url is None:
            return self.text if _PATH.fullmatch(self.text) else "(an unreadable URL)"
        hidden = {key: "***" for key in url.query if _SECRET.search(key)}
        shown = url.update_query_dict(hidden).render_as_string(hide_password=True)
        return shown.replace(quote_plus("***"), "***")

    def url_or_none(self) -> URL | None:
        """Its parts; None if it cannot be read, or if a password may stand in the host's place."""
        try:
            url = make_url(self.text)
        except (ArgumentError, ValueError):
            return None
        return None if "@" in (url.host or "") else url

    def hide(self, text: str) -> str:
        """``text`` without the passwords that stand in this address."""
        for secret in sorted(self._secrets(), key=len, reverse=True):
            # A password "ten" is no reason to hide a part of "attention".
            before = r"(?<!\w)" if re.match(r"\w", secret) else ""
            after = r"(?!\w)" if re.search(r"\w\Z", secret) else ""
            text = re.sub(f"{before}{re.escape(secret)}{after}", "***", text)
        return text

    def shown_cause(self, error: Exception) -> Exception | None:
        """The error to raise another from; None if a traceback would show a password with it."""
        texts = [str(found) for found in error_chain(error)]
        return error if all(self.hide(text) == text for text in texts) else None

    def _secrets(self) -> set[str]:
        """The passwords, plain, as this URL spells them, and as others do."""
        url = self.url_or_none()
        plain = [] if url is None else list(_passwords(url))
        spelt = {quote(p, safe=safe) for p in plain for safe in ("", "/", " +")}
        return {
            p for p in (*plain, *spelt, *map(quote_plus, plain), *_SPELT.findall(self.text)) if p
        }


def _passwords(url: URL) -> Iterator[str]:
    if url.password is not None:
        yield str(url.password)
    for key, values in url.query.items():
        if _SECRET.search(key):
            yield from (values,) if isinstance(values, str) else values
