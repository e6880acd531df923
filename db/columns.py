"""What columns are made of: ids, times, JSON, and what every table carries. Knows no table."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, DateTime, Text, TypeDecorator
from sqlmodel import Field, SQLModel


def new_id(prefix: str) -> str:
    """`<prefix>_<16 hex>`: 64 random bits."""
    return f"{prefix}_{secrets.token_hex(8)}"


def now() -> datetime:
    return datetime.now(UTC)


class Utc(TypeDecorator[datetime]):
    """Aware UTC in Python, naive UTC in SQLite (which knows no time zones)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


def one_of(column: str, values: Iterable[str], name: str) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(v) for v in values)})", name=name)


def key(prefix: str) -> Any:
    return Field(default_factory=lambda: new_id(prefix), primary_key=True)


def long_text(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


def listed() -> Any:
    return Field(default_factory=list, sa_type=JSON)


def mapped() -> Any:
    return Field(default_factory=dict, sa_type=JSON)


def moment(**options: Any) -> Any:
    return Field(default=None, sa_type=Utc, **options)


class Owned(SQLModel):
    """What every table carries."""

    owner_id: str = Field(index=True)
    created_at: datetime = Field(default_factory=now, sa_type=Utc)
