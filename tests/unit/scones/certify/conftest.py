"""A deployed stack whose audit has the draws that a test gives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from scones.audits import Draw
    from tests.unit.scones.fake_stack import FakeCloudFormation


@dataclass
class FakeAudit:
    """The draws of a stack, and what was asked of it."""

    draws: list[Draw] = field(default_factory=list)
    missed: int = 0
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def audit(s3: S3Client, cloudformation: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch) -> FakeAudit:
    fake = FakeAudit()
    cloudformation.parameters |= {"AuditShare": "0.02", "AuditDays": "14"}

    def ask(_dynamodb: Any, _table: str, draw: Draw, _now: datetime) -> bool:
        fake.asked.append(draw.key)
        return True

    monkeypatch.setattr("scones.audits.drawn", lambda *_, **__: iter(fake.draws), raising=False)
    monkeypatch.setattr("scones.audits.missed", lambda *_, **__: fake.missed, raising=False)
    monkeypatch.setattr("scones.audits.ask_second_look", ask, raising=False)
    return fake
