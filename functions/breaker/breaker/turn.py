"""One turn of the breaker: look at the calls or the probe, change the pause, start a probe, tell people."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from breaker.circuit import next_pause, probe_is_due, with_probe
from breaker.drain import Drain
from breaker.endpoint import Endpoint
from breaker.observability import logger
from breaker.pause_state import Pause, PauseParameter
from breaker.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


@dataclass(slots=True)
class Turn:
    """
    What a turn needs, and the pause that it leaves.

    Attributes
    ----------
    pause
        The pause in effect as far as the turn came; None before it began.
    """

    parameter: PauseParameter
    endpoint: Endpoint
    drain: Drain
    sns: "SNSClient"
    settings: Settings
    pause: Pause | None = None

    def run(self, pause: Pause, version: int, now: datetime) -> None:
        """
        Take the turn.

        Raises
        ------
        ClientError, BotoCoreError
            When a service refuses; `pause` then says what was written before.
        """
        self.pause = pause
        if pause.paused and pause.opened is None:  # a person's
            return
        probe = pause.opened.probe if pause.opened else None
        minutes = [] if pause.paused or not self.settings.breaker_share else self.endpoint.calls(now)
        result = self.endpoint.seen_by(probe) if probe else None
        after = next_pause(pause, now, minutes, result, self.settings.breaker_share)
        if probe_is_due(after, now) and (execution := self.drain.probe()):
            after = with_probe(after, now, execution)
        if after == pause:
            return
        self.pause = self.parameter.write(after, version)
        logger.info("breaker", paused=self.pause.paused, probe=result, opened=self.pause.opened)
        if self.pause is after and after.paused != pause.paused:
            self._tell(pause, after)

    def _tell(self, before: Pause, after: Pause) -> None:
        stack = self.settings.stack
        what = f"The breaker of the stack {stack} has"
        reason = (
            f"{what} opened: {after.opened.why}. New images are held."
            if after.opened
            else f"{what} closed: held images are started again."
        )
        document = {
            "reason": reason,
            "at": after.at.isoformat(),
            "since": None if after.paused else before.at.isoformat(),
            "look": f"scones status --stack {stack}",
            "next_step": "docs/runbook.md#the-breaker",
        }
        self.sns.publish(
            TopicArn=self.settings.alert_topic_arn,
            Subject=f"Images of {stack} are {'held' if after.paused else 'started again'}"[:100],
            Message=json.dumps(document, ensure_ascii=False, indent=2),
        )
