"""Database servers for tests, which can be stopped and started again."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ports import free_port
from sqlalchemy import NullPool, create_engine, text

USER, PASSWORD = "bonas", "s3cret of bonas"


class PostgreSQL:
    """A cluster in a new folder, on a free port of this machine."""

    def __init__(self, programs: Path, folder: Path, user: str) -> None:
        self._programs, self._folder, self._user = programs, folder, user
        self.port = free_port()
        secret = folder / "password"
        secret.write_text(PASSWORD)
        shutil.chown(folder, user)
        shutil.chown(secret, user)
        arguments = ["--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--encoding=UTF8"]
        self._run("initdb", "-D", str(folder / "data"), "-U", USER, "--locale=C", *arguments)

    @property
    def url(self) -> str:
        password = PASSWORD.replace(" ", "%20")
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._control("start", "-w", "-o", options, "-l", str(self._folder / "log"))

    def stop(self) -> None:
        """Stop it at once, and close all connections."""
        self._control("stop", "-w", "-m", "fast")

    def create(self, database: str) -> None:
        """Create an empty database."""
        self.execute(f"create database {database}")

    def execute(self, statement: str, database: str = "postgres") -> None:
        engine = create_engine(
            self.url.replace("postgresql:", "postgresql+psycopg:").replace(
                "/postgres", f"/{database}"
            ),
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
        )
        with engine.connect() as connection:
            connection.execute(text(statement))

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        # As another user, when root runs the tests: PostgreSQL refuses to run as root.
        other = {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}
        with (self._folder / "errors").open("w") as errors:
            done = subprocess.run(
                [self._programs / program, *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # a server that was started keeps what it is given
                stderr=errors,
                check=False,
                **(other if os.geteuid() == 0 else {}),
            )
        assert done.returncode == 0, (self._folder / "errors").read_text()


def postgresql() -> Iterator[PostgreSQL]:
    """Yield a running server for a fixture; skip the test if PostgreSQL is not installed."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install bonas[postgres]")
    programs = _postgresql_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="bonas-postgresql-"))  # pytest's own are for one user
    server = None
    try:
        server = PostgreSQL(programs, folder, _unprivileged())
        server.start()
        yield server
    finally:
        if server is not None and (folder / "data" / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder)


def _postgresql_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    program = found[-1] if found else Path(on_path).resolve() if on_path else None
    return program.parent if program and (program.parent / "pg_ctl").exists() else None


def _unprivileged() -> str:
    if os.geteuid() != 0:
        return getpass.getuser()
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
