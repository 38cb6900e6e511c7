"""The Live page: rows of the index, hostile names, uploads, and what is said while AWS does not answer."""

from __future__ import annotations

import html
import json
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import anyio
import boto3
import pytest
from botocore.exceptions import ClientError
from starlette.testclient import TestClient

from scones.console.dropped import DroppedImages, key_of_drop
from scones.console.state import ConsoleState
from scones.console.web import WebConsole
from scones.errors import SconesError
from scones.image_keys import ImageKeys
from tests.fakes.execution_history import FakeExecutions, endpoint_away, entered, scheduled
from tests.unit.scones.console.served import ADDRESS, PORT, AddImage
from tests.unit.scones.fake_stack import IMAGES, REGION, FakeCloudFormation

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HOSTILE = "<img src=x onerror=alert(1)>\"'&</script>.jpg"
DROP = "drop-20261127-101502-4f2a"


def rows(browser: TestClient, query: str = "") -> list[dict[str, Any]]:
    return list(browser.get(f"/live/rows?{query}").json()["rows"])


def test_the_newest_image_is_first_with_what_the_model_said(browser: TestClient, add_image: AddImage) -> None:
    add_image("old.jpg", second=1)
    add_image("new.jpg", "rejected", second=2, label=None, reason="it is cut off")
    new, old = rows(browser)
    assert (new["name"], new["outcome"], new["reason"], new["thumb"]) == (
        "new.jpg",
        "rejected",
        "it is cut off",
        None,
    )
    assert (old["label"], old["confidence"]) == ("bicycle", 0.97)
    assert "size=thumb" in old["thumb"]


def test_of_an_image_that_waits_nothing_that_the_model_said_is_sent(
    browser: TestClient, add_image: AddImage
) -> None:
    add_image(
        "a.jpg", "review", label="motorcycle", confidence=0.6123, reason="motorcycle at 0.6123 is below 0.8"
    )
    answer = browser.get("/live/rows").text
    assert json.loads(answer)["rows"][0]["outcome"] == "review"
    assert not any(said in answer for said in ("motorcycle", "0.61", "below"))


def test_a_filter_by_label_does_not_tell_what_the_model_said_of_those_that_wait(
    browser: TestClient, add_image: AddImage
) -> None:
    add_image("waits.jpg", "review", second=3)
    add_image("passed.jpg", "passed", second=2)
    add_image("reviewed.jpg", "reviewed", second=1)
    add_image("other.jpg", "passed", label="motorcycle")
    assert [row["name"] for row in rows(browser, "label=bicycle")] == ["passed.jpg", "reviewed.jpg"]
    assert rows(browser, "label=bicycle&outcome=review") == []
    assert [row["name"] for row in rows(browser, "outcome=review")] == ["waits.jpg"]


def test_pages_follow_each_other_without_a_gap_or_a_repetition(
    browser: TestClient, add_image: AddImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scones.console.gallery.read_page.__defaults__", (3,))
    for number in range(8):
        add_image(f"{number}.jpg", second=number // 2)
    found, after = [], None
    while True:
        page = browser.get("/live/rows", params={"after": json.dumps(after)} if after else {}).json()
        found += [row["name"] for row in page["rows"]]
        after = page["after"]
        if not after:
            break
    assert sorted(found) == [f"{number}.jpg" for number in range(8)]


@pytest.mark.parametrize("after", ["[]", "[1,2,3]", '"a"', "{}", "[", ""])
def test_a_place_that_is_not_one_is_refused(browser: TestClient, after: str) -> None:
    assert browser.get("/live/rows", params={"after": after}).status_code == 400


def test_a_hostile_name_stays_a_name(browser: TestClient, add_image: AddImage) -> None:
    add_image(HOSTILE)
    (row,) = rows(browser)
    assert row["name"] == HOSTILE
    assert not any(character in row["thumb"] + row["page"] for character in "<>\"' ")
    assert browser.get(row["thumb"]).status_code == 422


def test_what_stands_in_a_page_is_escaped(
    browser: TestClient, cloudformation: FakeCloudFormation, outputs: dict[str, str]
) -> None:
    outputs["ModelLabels"] = "</script><script>alert(1)</script>,b"
    page = browser.get("/", headers={"accept": "text/html"}).text
    assert "<script>alert" not in page
    assert html.escape("<script>alert(1)</script>") in page
    assert "\\u003c/script>" in page


def test_a_preview_of_anything_but_an_upload_is_not_there(browser: TestClient, s3: S3Client) -> None:
    s3.put_object(Bucket=IMAGES, Key="elsewhere/a.jpg", Body=b"secret")
    for query in ("key=elsewhere/a.jpg&etag=a", "key=incoming/a.jpg&etag=a&size=huge", ""):
        assert browser.get(f"/preview?{query}").status_code == 404
    assert browser.get("/preview?key=incoming/none.jpg&etag=a").status_code == 410


def test_a_dropped_file_is_uploaded_as_it_is_and_watched_until_its_outcome(
    browser: TestClient, s3: S3Client, state: ConsoleState, add_image: AddImage
) -> None:
    answer = browser.post("/live/uploads", params={"folder": DROP, "name": "a b+c.jpg"}, content=b"bytes")
    assert answer.json()["key"] == f"incoming/{DROP}/a b+c.jpg"
    stored = s3.get_object(Bucket=IMAGES, Key=answer.json()["key"])
    assert (stored["Body"].read(), stored["ContentType"]) == (b"bytes", "image/jpeg")
    dropped: DroppedImages = browser.app.app.state.feed.dropped  # type: ignore[attr-defined]
    assert list(dropped.look(state.cloud())) == []
    image = add_image(f"{DROP}/a b+c.jpg", body=b"bytes")
    ((change),) = dropped.look(state.cloud())
    assert (change["id"], change["row"]["label"]) == (image.id, "bicycle")
    assert len(dropped) == 0


def test_a_dropped_image_goes_through_the_states_of_its_execution(
    state: ConsoleState, s3: S3Client, add_image: AddImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution, executions = "arn:aws:states:us-east-1:123456789012:execution:triage:1", FakeExecutions()
    events = SimpleNamespace(register=lambda *_, **__: None)
    monkeypatch.setattr(executions, "meta", SimpleNamespace(events=events), raising=False)
    monkeypatch.setattr("scones.connection.Connection.stepfunctions", lambda _connection: executions)
    cloud, dropped, image = state.cloud(), DroppedImages(), add_image("a.jpg")
    claim = {"image_key": {"S": image.key}, "etag": {"S": image.etag}, "execution": {"S": execution}}
    boto3.client("dynamodb", region_name=REGION).put_item(TableName="claims", Item=claim)
    dropped.add(image)

    def seen(*history: Any) -> list[str]:
        executions.add(execution, "RUNNING", list(history))
        return [change["state"] for change in dropped.look(cloud)]

    assert seen() == ["started"]
    assert seen(entered("Serialize image"), scheduled()) == ["Serialize image"]
    assert seen(entered("Serialize image"), scheduled()) == []
    assert seen(*endpoint_away(2)) == ["Classify, retried: EndpointUnavailableError"]
    add_image("a.jpg")
    assert seen(*endpoint_away(2)) == ["done"]


@pytest.fixture
def refusing(browser: TestClient, cloudformation: FakeCloudFormation) -> TestClient:
    """A browser with a stack that rejects files of more than 100 bytes."""
    cloudformation.parameters["MaxObjectBytes"] = "100"
    return browser


@pytest.mark.parametrize(
    ("name", "body", "status", "problem"),
    [
        ("a.jpg", b"", 400, "empty"),
        ("a.jpg", b"x" * 101, 413, "limit"),
        ("", b"x", 400, "name"),
        ("../a.jpg", b"x", 400, "name"),
        ("a//b.jpg", b"x", 400, "name"),
        ("a\n.jpg", b"x", 400, "control"),
        ("é" * 600, b"x", 400, "bytes"),
    ],
)
def test_a_file_that_cannot_be_uploaded_is_refused_with_the_reason(
    refusing: TestClient, s3: S3Client, name: str, body: bytes, status: int, problem: str
) -> None:
    answer = refusing.post("/live/uploads", params={"folder": DROP, "name": name}, content=body)
    assert answer.status_code == status
    assert problem in answer.json()["problem"]
    assert "Contents" not in s3.list_objects_v2(Bucket=IMAGES)


@pytest.mark.parametrize("folder", ["", "..", "a", "drop-1", f"{DROP}/.."])
def test_a_folder_is_one_of_a_drop(folder: str) -> None:
    with pytest.raises(SconesError, match="folder"):
        key_of_drop(ImageKeys(), folder, "a.jpg")


def test_nothing_is_uploaded_from_a_page_of_another_site(browser: TestClient, s3: S3Client) -> None:
    headers = {"origin": "https://example.com"}
    assert (
        browser.post(f"/live/uploads?folder={DROP}&name=a", content=b"x", headers=headers).status_code == 403
    )
    assert "Contents" not in s3.list_objects_v2(Bucket=IMAGES)


def test_a_stack_that_is_gone_is_a_page_that_says_so_and_recovers(
    browser: TestClient, outputs: dict[str, str], add_image: AddImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scones.console.state._REOPEN_S", 0)
    assert browser.get("/", headers={"accept": "text/html"}).status_code == 200
    boto3.client("dynamodb", region_name=REGION).delete_table(TableName="claims")
    assert browser.get("/live/rows").status_code == 503
    table = outputs.pop("ClaimsTableName")
    page = browser.get("/", headers={"accept": "text/html"})
    assert page.status_code == 503
    assert "no output ClaimsTableName" in page.text
    assert "/static/trouble.js" in page.text
    assert "no output" in browser.get("/health").json()["problem"]
    outputs["ClaimsTableName"] = table
    assert browser.get("/", headers={"accept": "text/html"}).status_code == 200


@pytest.mark.parametrize(
    ("code", "sentence", "opens_again"),
    [
        ("ExpiredTokenException", "the AWS session has expired", True),
        ("ThrottlingException", "AWS is throttling", False),
        ("AccessDeniedException", "not allowed to call GetItem", False),
    ],
)
def test_what_aws_refuses_is_a_sentence_and_new_credentials_are_used(
    browser: TestClient,
    state: ConsoleState,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    sentence: str,
    opens_again: bool,
) -> None:
    cloud = state.cloud()

    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetItem")

    monkeypatch.setattr(cloud.dynamodb, "get_item", refuse)
    answer = browser.get("/health")
    assert answer.status_code == 503
    assert sentence in answer.json()["problem"]
    assert (state.cloud() is not cloud) is opens_again
    assert browser.get("/health").status_code == (200 if opens_again else 503)


def test_a_fault_of_the_console_is_a_page_that_does_not_load_itself_again(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> NoReturn:
        raise KeyError("a fault")

    monkeypatch.setattr("scones.console.pages.live.render", fail)
    page = browser.get("/", headers={"accept": "text/html"})
    assert page.status_code == 500
    assert "The console failed" in page.text
    assert "trouble.js" not in page.text
    assert "KeyError: 'a fault'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "sentence", "asks_again"),
    [
        (SconesError("AWS is throttling"), "AWS is throttling", True),
        (KeyError("x"), "The console failed", False),
    ],
)
@pytest.mark.parametrize("path", ["/operations", "/charts"])
def test_a_page_that_reads_much_sends_its_head_at_once_and_says_what_could_not_be_read(
    browser: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    error: Exception,
    sentence: str,
    asks_again: bool,
) -> None:
    def read(*_: Any) -> Any:
        raise error

    monkeypatch.setattr("scones.console.pages.operations.read_parts", read)
    monkeypatch.setattr("scones.console.pages.charts.read_ended", read)
    with browser.stream("GET", path) as answer:
        page = answer.read().decode()
    head, _, rest = page.partition('<main id="main"')
    assert 'aria-current="page"' in head
    assert sentence in rest
    assert ("/static/trouble.js" in rest) is asks_again
    assert page.rstrip().endswith("</html>")
    assert page.count("</main>") == 1


@pytest.mark.parametrize(
    "path", ["/", "/review", "/charts", "/operations", "/no-such-page", "/image?key=none"]
)
def test_a_page_is_inert_until_its_script_has_run(browser: TestClient, path: str) -> None:
    page = browser.get(path, headers={"accept": "text/html"}).text
    assert re.search(r'<main id="main"[^>]* inert>', page)
    (script,) = re.findall(r'<script type="module" src="/static/(\w+\.js)">', page)
    text = browser.get(f"/static/{script}").text
    assert script == "page.js" or 'from "./page.js"' in text
    assert 'getElementById("main").inert = false' in browser.get("/static/page.js").text


def test_a_page_that_is_closed_during_an_upload_is_no_fault_of_the_console(
    state: ConsoleState, web: WebConsole, browser: TestClient, capfd: pytest.CaptureFixture[str]
) -> None:
    port = str(PORT)
    headers = {"host": f"127.0.0.1:{port}", "origin": ADDRESS, "x-csrf-token": state.secrets.csrf}
    headers["cookie"] = "; ".join(f"{one.name}={one.value}" for one in browser.cookies.jar)
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/live/uploads",
        "query_string": f"folder={DROP}&name=a.jpg".encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    messages = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    anyio.run(web.guard, scope, receive, send)
    assert sent[0]["status"] == 400
    assert capfd.readouterr().err == ""
    assert boto3.client("s3", region_name=REGION).list_objects_v2(Bucket=IMAGES)["KeyCount"] == 0


def test_an_address_that_is_not_there_is_a_page_that_leads_back(browser: TestClient) -> None:
    page = browser.get("/nowhere", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert 'href="/"' in page.text
    assert browser.get("/static/../guard.py").status_code == 404
    assert browser.get("/static/%2e%2e/guard.py").status_code == 404
