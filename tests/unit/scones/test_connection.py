"""Which cloud: a stack by name with the user's settings, or the local one, which ignores them."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from scones.cli import main
from scones.connection import Target, connect
from scones.errors import SconesError
from scones.running_cloud import RunningCloud

LOCAL = RunningCloud("http://127.0.0.1:4566", "eu-west-3", "scones", 1, ready=True)


def test_the_local_cloud_ignores_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-does-not-exist")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://elsewhere.example.com")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setattr("scones.connection.read_cloud", lambda: LOCAL)
    connection = connect(Target())
    s3 = connection.s3()
    assert connection.is_local
    assert s3.meta.endpoint_url == "http://127.0.0.1:4566"
    assert s3.meta.region_name == "eu-west-3"
    credentials = connection.session.get_credentials()
    assert credentials is not None
    assert (credentials.access_key, credentials.secret_key, credentials.token) == ("test", "test", None)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "a b+c"})
    assert url.startswith("http://127.0.0.1:4566/b/a%20b%2Bc?")
    assert getattr(s3.meta.config, "proxies", None) == {}


def test_a_named_stack_uses_the_users_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scones.connection.read_cloud", lambda: LOCAL)
    connection = connect(Target("prod", None, "us-east-1"))
    assert not connection.is_local
    assert connection.stack == "prod"
    assert connection.cloudformation().meta.endpoint_url == "https://cloudformation.us-east-1.amazonaws.com"


def test_the_options_name_the_cloud_again() -> None:
    assert Target().options == ""
    assert Target("s", "my work", None).options == " --stack s --profile 'my work'"


def test_no_local_cloud() -> None:
    with pytest.raises(SconesError, match="no local cloud is running"):
        connect(Target())


@pytest.mark.parametrize("command", [["status"], ["destroy"], ["results"], ["why", "a.jpg"]])
def test_an_empty_stack_is_refused_and_never_the_local_cloud(
    monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr("scones.connection.read_cloud", lambda: LOCAL)
    result = CliRunner().invoke(main, [*command, "--stack", ""])
    assert result.exit_code == 2
    assert "'--stack': it is empty" in result.output
