"""An update of a nested stack keeps in the emulator what it keeps on AWS."""

from __future__ import annotations

import pytest
from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners

from scones.local.ministack import nested_stacks


def test_a_resource_that_is_not_changed_keeps_its_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provisioners, "_update_resource", provisioners._update_resource)
    nested_stacks.keep_attributes()
    known = {"_resources": {"Fails": {"PhysicalResourceId": "fails", "Attributes": {"Arn": "arn:of:fails"}}}}
    monkeypatch.setitem(cloudformation._stacks, "child", known)
    properties = {"AlarmName": "fails"}

    answer = provisioners._update_resource(
        "AWS::CloudWatch::Alarm", "fails", properties, dict(properties), "child", "Fails"
    )

    assert answer == ("fails", {"Arn": "arn:of:fails"})
