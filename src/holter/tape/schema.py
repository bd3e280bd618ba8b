"""The tables of a tape, its version, and migrations from older versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

SCHEMA_VERSION = 1

# SQLite stores this in the file header: `file run.holter` and our reader recognise a tape without opening tables.
APPLICATION_ID = 0x484F4C54  # "HOLT"

# reading: one row per tick and kind of sample; only changed fields; rows with key=1 are complete.
# rollup:  means over span_s, in place of readings older than the raw window.
# Both are clustered by time, so that "the last two minutes" is one range read.
TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reading (
    t_ms INTEGER NOT NULL, kind TEXT NOT NULL, key INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (t_ms, kind)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rollup (
    t_ms INTEGER NOT NULL, kind TEXT NOT NULL, span_s REAL NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (t_ms, kind)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, t_ms INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS stack (id INTEGER PRIMARY KEY, t_ms INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS episode (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS probe_run (
    t_ms INTEGER NOT NULL, probe TEXT NOT NULL, runs INTEGER NOT NULL, failures INTEGER NOT NULL,
    cost_s REAL NOT NULL, error TEXT, PRIMARY KEY (t_ms, probe)) WITHOUT ROWID;
"""

# Version n -> n + 1; a tape is migrated in memory while it is read, never on disk.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {}


def create(connection: sqlite3.Connection) -> None:
    """Create the tables of a new tape."""
    connection.executescript(TABLES)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
