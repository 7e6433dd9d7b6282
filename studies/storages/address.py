"""Addresses of storages, safe to show: no message, log or repr contains a password."""

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
_SECRET = re.compile(r"pass|pwd|secret|token|odbc_connect", re.IGNORECASE)  # keys of a query
_PATH = re.compile(r"([A-Za-z]:[\\/])?[\w ./\\~+-]*")  # a text that certainly holds no password
_ENCODED = re.compile(r"://[^:/]*:([^@]*)@")  # a password where SQLAlchemy finds it, not decoded
_SCHEME = re.compile(r"(\w+)://")


@dataclass(frozen=True, slots=True)
class Address:
    """A URL or a path, whose text is never shown as it stands."""

    text: str = field(repr=False)

    @property
    def scheme(self) -> str:
        """The part before ``://``, without a driver; empty if this is no URL."""
        return self.text.partition("://")[0].partition("+")[0] if "://" in self.text else ""

    def with_driver(self) -> Address:
        """Return the address with the driver of bonas's extras, where it names no driver."""
        found = _SCHEME.match(self.text)
        if found is None or found[1] not in _DRIVERS:
            return self
        return replace(self, text=f"{_DRIVERS[found[1]]}://{self.text[found.end() :]}")

    def url(self) -> URL:
        """Return the parsed URL.

        Raises:
            StorageUnavailable: if it cannot be parsed; the message does not repeat it.
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
        """Return the address with every password replaced by ``***``."""
        url = self.url_or_none()
        if url is None:
            return self.text if _PATH.fullmatch(self.text) else "(an unreadable URL)"
        hidden = {key: "***" for key in url.query if _SECRET.search(key)}
        shown = url.update_query_dict(hidden).render_as_string(hide_password=True)
        return shown.replace(quote_plus("***"), "***")

    def url_or_none(self) -> URL | None:
        """Return the parsed URL, or None if it has no valid form.

        None also where a part of the password may have been parsed as the host.
        """
        try:
            url = make_url(self.text)
        except (ArgumentError, ValueError):
            return None
        return None if "@" in (url.host or "") else url

    def redact(self, text: str) -> str:
        """Return ``text`` with every password of this address replaced by ``***``."""
        for secret in sorted(self._secrets(), key=len, reverse=True):
            # The password "ten" must not hide a part of the word "attention".
            before = r"(?<!\w)" if re.match(r"\w", secret) else ""
            after = r"(?!\w)" if re.search(r"\w\Z", secret) else ""
            text = re.sub(f"{before}{re.escape(secret)}{after}", "***", text)
        return text

    def safe_cause(self, error: Exception) -> Exception | None:
        """Return ``error`` to raise another one from, or None if its traceback has a password."""
        texts = [str(found) for found in error_chain(error)]
        return error if all(self.redact(text) == text for text in texts) else None

    def _secrets(self) -> set[str]:
        """Return the passwords: plain, as this URL encodes them, and as others would."""
        url = self.url_or_none()
        plain = [] if url is None else list(_passwords(url))
        encoded = {quote(p, safe=safe) for p in plain for safe in ("", "/", " +")}
        as_given = _ENCODED.findall(self.text)
        return {p for p in (*plain, *encoded, *map(quote_plus, plain), *as_given) if p}


def _passwords(url: URL) -> Iterator[str]:
    """Yield the password of the user, and the values of secret parameters of the query."""
    if url.password is not None:
        yield str(url.password)
    for key, values in url.query.items():
        if _SECRET.search(key):
            yield from (values,) if isinstance(values, str) else values
