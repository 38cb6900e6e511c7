"""A deployed stack whose audit has the draws that a test gives it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.scones.certify.fake_audit import FakeAudit

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from scones.audits import Draw
    from tests.unit.scones.fake_stack import FakeCloudFormation


@pytest.fixture
def audit(s3: S3Client, cloudformation: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch) -> FakeAudit:
    fake = FakeAudit()
    cloudformation.parameters |= {"AuditShare": "0.02", "AuditDays": "14"}

    def ask(_dynamodb: Any, _table: str, draw: Draw, _now: datetime) -> bool:
        fake.asked.append(draw.key)
        return True

    monkeypatch.setattr("scones.audits.drawn", lambda *_, **__: iter(fake.draws))
    monkeypatch.setattr("scones.audits.missed", lambda *_, **__: fake.missed)
    monkeypatch.setattr("scones.audits.off_until", lambda *_: fake.off)
    monkeypatch.setattr("scones.audits.ask_second_look", ask)
    return fake
