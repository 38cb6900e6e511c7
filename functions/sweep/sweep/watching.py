"""The watch over the promise, in one run of the sweep: count new decisions of audits, act when they refute it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sweep.draws import SETTLED, drawn_passes
from sweep.images import iso_text, moment_of
from sweep.observability import logger
from sweep.promise import Promise, is_stopped, promise_of, raised, stopped
from sweep.rescue import OF_ONE_IMAGE, Clients
from sweep.settings import Settings
from sweep.watch import Refuted, Watch

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_ssm import SSMClient

# Not a possible key of an image: those begin with the incoming prefix.
ITEM = {"image_key": {"S": "#sweep"}, "etag": {"S": "watch"}}
MOST_DRAWS = 5_000
"""Counted in one run at most, so that images without an outcome do not wait for it."""
ENDED = "The live value had been changed, or its certificate had ended, meanwhile."
NEXT_STEP = (
    "docs/runbook.md, PromiseRefuted: look at the audited images that were wrong, find out what changed (a camera, the "
    "season, the model), and raise the threshold or train. The watch restarts with other live "
    "thresholds or another model version, and with `scones sweep --restart-watch`."
)


@dataclass(frozen=True, slots=True)
class Watched:
    """
    The watch after one run.

    Attributes
    ----------
    watch
        None where nothing is promised.
    passes, wrong
        Audited images that this run counted.
    ended
        Whether this run found that what was promised before is not promised any more.
    error
        Why the run must fail, once everything else is done.
    """

    watch: Watch | None = None
    passes: int = 0
    wrong: int = 0
    ended: bool = False
    error: str | None = None


def watch_promise(
    clients: Clients,
    settings: Settings,
    now: datetime,
    may_continue: Callable[[], bool],
    *,
    restart: bool = False,
) -> Watched:
    """Count what was decided since the last run; never raises for what AWS refuses, because images must be swept."""
    try:
        return _Run(clients, settings, now).watched(may_continue, restart=restart)
    except OF_ONE_IMAGE as error:
        logger.exception("promise not watched")
        return Watched(error=f"{type(error).__name__}: {error}")


@dataclass(slots=True)
class _Run:
    """One run: its clients, and the revision of the stored watch that it replaces."""

    clients: Clients
    settings: Settings
    now: datetime
    revision: int = 0

    def watched(self, may_continue: Callable[[], bool], *, restart: bool) -> Watched:
        stored, live = self._read(), read_live(self.clients.ssm, self.settings.threshold_parameter)
        stated = self.settings.promised_error
        promise = promise_of(live, stated, self.now) if self.settings.audit_share else None
        watch = self._begun(stored, promise, is_stopped=is_stopped(live), restart=restart)
        if watch and not watch.is_unsettled and promise and watch.promise == promise.name:
            watch = self._counted(watch, promise, may_continue)
        if watch != stored and not self._write(watch):
            logger.info("watched by another run meanwhile")
            return Watched(stored)
        if watch is None:
            return Watched(ended=stored is not None)
        before = stored if stored is not None and stored.since == watch.since else None
        passes, wrong = (
            watch.passes - (before.passes if before else 0),
            watch.wrong - (before.wrong if before else 0),
        )
        watch, error = self._settled(watch, promise, live)
        return Watched(watch, passes, wrong, error=error)

    def _begun(
        self, stored: Watch | None, promise: Promise | None, *, is_stopped: bool, restart: bool
    ) -> Watch | None:
        """Return the watch to continue: the stored one, a new one for a new promise, or None."""
        if stored and stored.is_unsettled:
            return stored
        if promise is None:  # a refuted one stays, to be seen, while nothing passes because of it
            return stored if stored and stored.refuted and is_stopped and not restart else None
        if stored is None or stored.promise != promise.name or restart:
            return Watch.begun(promise, iso_text(self.now))
        return stored

    def _counted(self, watch: Watch, promise: Promise, may_continue: Callable[[], bool]) -> Watch:
        """Count draws up to the first that is undecided; while refuted, look for another model version instead."""
        since = moment_of(watch.since) or self.now
        draws = drawn_passes(
            self.clients.dynamodb, self.settings.claims_table, watch.position, since, self.now - SETTLED
        )
        for draw in islice(draws, MOST_DRAWS):
            if watch.refuted:
                if draw.model_version == watch.refuted.model_version:
                    watch = watch.skipped(draw)
                    continue
                watch = Watch.begun(promise, draw.position[0], watch.position)
            if not promise.covers(draw):
                watch = watch.skipped(draw)
                continue
            wrong = draw.is_wrong(self.now, self.settings.audit_days)
            if wrong is None or not may_continue():
                break
            watch = watch.counted(draw, self.now, self.settings.false_alarms_a_year, wrong=wrong)
            if watch.refuted:
                break
        return watch

    def _settled(self, watch: Watch, promise: Promise | None, live: str) -> tuple[Watch, str | None]:
        """Do what the stack wants done about a refuted promise, and notify people once; return why it failed."""
        error = None
        if watch.refuted and watch.refuted.done is None:
            unchanged = promise is not None and promise.name == watch.promise
            try:
                done = self._act(watch, live) if unchanged else ENDED
                watch = self._marked(watch, replace(watch.refuted, done=done))
            except (*OF_ONE_IMAGE, ValueError) as problem:
                logger.exception("threshold not changed")
                error = f"the promise is refuted and the threshold could not be changed: {problem}"
        if watch.refuted and not watch.refuted.notified:
            done = watch.refuted.done or f"{error}. The sweep tries it again."
            publish(self.clients.sns, self.settings.alert_topic_arn, watch, done)
            watch = self._marked(watch, replace(watch.refuted, notified=True))
        return watch, error

    def _marked(self, watch: Watch, refuted: Refuted) -> Watch:
        """Store what was done about a refuted promise: after it, so that a run that is killed leaves it to the next."""
        watch = replace(watch, refuted=refuted)
        self._write(watch)
        return watch

    def _act(self, watch: Watch, live: str) -> str:
        """Change the live value as WatchAction says; return what was done, in words."""
        why = summary(watch)
        if read_live(self.clients.ssm, self.settings.threshold_parameter) != live:  # while draws were counted
            return ENDED
        match self.settings.watch_action:
            case "raise" if higher := raised(live, why, self.now):
                value, numbers = higher
                write_live(self.clients.ssm, self.settings.threshold_parameter, value)
                return f"The thresholds were raised to the next certified ones: {numbers}."
            case "raise" | "review":
                value = stopped(live, f"The watch stopped passing: {why}")
                write_live(self.clients.ssm, self.settings.threshold_parameter, value)
                return "Every image goes to review until somebody sets a threshold or a new certificate."
        return "Nothing was changed, because WatchAction is notify: images continue to pass."

    def _read(self) -> Watch | None:
        item = self.clients.dynamodb.get_item(
            TableName=self.settings.claims_table, Key=ITEM, ConsistentRead=True
        ).get("Item", {})
        self.revision = int(item.get("revision", {}).get("N", 0))
        text = item.get("watch", {}).get("S")
        return Watch.from_text(text) if text else None

    def _write(self, watch: Watch | None) -> bool:
        """Store the watch; False when another run has stored one since this one read it."""
        item: dict[str, Any] = ITEM | {"revision": {"N": str(self.revision + 1)}}
        try:
            self.clients.dynamodb.put_item(
                TableName=self.settings.claims_table,
                Item=item | ({"watch": {"S": watch.as_text()}} if watch else {}),
                ConditionExpression="attribute_not_exists(revision) OR revision = :read",
                ExpressionAttributeValues={":read": {"N": str(self.revision)}},
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise
            return False
        self.revision += 1
        return True


def read_live(client: "SSMClient", name: str) -> str:
    """Return the live value of the threshold; empty where it is gone, so that the deployed one applies."""
    try:
        return str(client.get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ParameterNotFound":
            raise
        return ""


def write_live(client: "SSMClient", name: str, value: str) -> None:
    """Set the live value of the threshold."""
    client.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)


def summary(watch: Watch) -> str:
    """Say in one sentence what refutes the promise."""
    suspect = watch.suspect
    return (
        f"{suspect.wrong:,} of {suspect.passes:,} audited images that passed since {suspect.since} were wrong; the "
        f"promise is at most {100 * watch.error:.4g} %"
    )


def publish(client: "SNSClient", topic_arn: str, watch: Watch, done: str) -> None:
    """Notify people that the promise is refuted."""
    refuted, suspect = watch.refuted, watch.suspect
    document = {
        "reason": f"{summary(watch)}.",
        "done": done,
        "next_step": NEXT_STEP,
        "promise": watch.error,
        "model_version": refuted.model_version if refuted else None,
        "latest": {"since": suspect.since, "passes": suspect.passes, "wrong": suspect.wrong},
        "in_all": {"since": watch.since, "passes": watch.passes, "wrong": watch.wrong},
    }
    client.publish(
        TopicArn=topic_arn,
        Subject=f"More than {100 * watch.error:.4g} % of what passes is wrong",
        Message=json.dumps(document, ensure_ascii=False, indent=2),
        MessageAttributes={"outcome": {"DataType": "String", "StringValue": "passed"}},
    )
