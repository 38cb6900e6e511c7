"""Every AWS error a person meets is a line with a next step; classified by code, never by text."""

from __future__ import annotations

from email.utils import formatdate
from time import time
from typing import Any, cast

import pytest
from botocore import exceptions as boto

from scones.errors import concerns_one_object, explain


def answer(code: str, message: str | None = "something") -> boto.ClientError:
    return boto.ClientError({"Error": {"Code": code, "Message": cast("str", message)}}, "PutObject")


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (answer("ExpiredTokenException"), "sign in again"),
        (answer("InvalidClientTokenId"), "does not accept these credentials"),
        (answer("SignatureDoesNotMatch"), "does not accept these credentials"),
        (answer("AccessDenied", "no s3:PutObject"), "not allowed to call PutObject (no s3:PutObject)"),
        (answer("ThrottlingException", None), "throttling"),
        (answer("RequestTimeTooSkewed"), "clock"),
        (answer("NoSuchBucket"), "bucket is gone"),
        (answer("Strange", "two\nlines"), "AWS answered Strange to PutObject: two lines"),
        (answer("Strange", None), "no message"),
        (boto.ClientError({}, "PutObject"), "AWS answered Unknown"),
        (boto.NoCredentialsError(), "no usable AWS credentials"),
        (boto.PartialCredentialsError(provider="env", cred_var="x"), "no usable AWS credentials"),
        (boto.ProfileNotFound(profile="ghost"), "no AWS profile named ghost"),
        (boto.NoRegionError(), "--region"),
        (boto.InvalidRegionError(region_name="us east"), "--region"),
        (boto.SSOTokenLoadError(profile_name="x", error_msg="y"), "sign-in has expired"),
        (boto.UnauthorizedSSOTokenError(), "sign-in has expired"),
        (boto.EndpointConnectionError(endpoint_url="https://s3.us-esat-1.amazonaws.com/"), "s3.us-esat-1"),
        (boto.ConnectTimeoutError(endpoint_url="https://sqs.example.com/"), "cannot reach sqs.example.com"),
        (boto.ReadTimeoutError(endpoint_url="http://127.0.0.1:4566/"), "`scones up`"),
        (
            boto.SSLError(endpoint_url="https://a.example.com/", error=OSError()),
            "cannot reach a.example.com",
        ),
        (boto.HTTPClientError(error="broken"), "check the network"),
        (boto.ConfigParseError(path="x", error="y"), "ConfigParseError"),
    ],
)
def test_explain(error: Exception, part: str) -> None:
    line = explain(error)
    assert line is not None
    assert part in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("code", "off_s", "part"),
    [
        ("InvalidSignatureException", 3600, "this machine's clock is 60 minutes off"),
        ("SignatureDoesNotMatch", -3600, "this machine's clock is 60 minutes off"),
        ("RequestTimeTooSkewed", 1200, "this machine's clock is 20 minutes off"),
        ("InvalidSignatureException", 60, "does not accept these credentials"),
        ("ExpiredTokenException", 3600, "sign in again"),
    ],
)
def test_a_clock_that_is_off_is_told_from_wrong_credentials(code: str, off_s: float, part: str) -> None:
    date = {"HTTPHeaders": {"date": formatdate(time() + off_s, usegmt=True)}}
    response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": date}
    line = explain(boto.ClientError(response, "Query"))
    assert line is not None
    assert part in line


def test_a_bug_is_not_explained() -> None:
    assert explain(KeyError("x")) is None


def test_what_concerns_one_object() -> None:
    assert concerns_one_object(answer("KeyTooLongError"))
    assert concerns_one_object(OSError("unreadable"))
    assert not concerns_one_object(answer("AccessDenied"))
    assert not concerns_one_object(boto.NoCredentialsError())
