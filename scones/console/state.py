"""What the pages of a running console share: the cloud, opened once and again after trouble, secrets and previews."""

import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from scones.connection import Connection, Target, connect
from scones.console.decoders import Decoders
from scones.console.guard import Secrets
from scones.console.previews import Previews
from scones.decisions.aws_clock import AwsClock
from scones.errors import SconesError, error_code, explain, is_denied
from scones.stack import Stack, read_stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

_REOPEN_S: Final = 1.0
_THROTTLES: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class OpenCloud:
    """A connection, its stack, and clients, each made on first use and shared by all pages and threads.

    Attributes
    ----------
    clock
        AWS's time, by the answers of these clients.
    """

    def __init__(self, connection: Connection, stack: Stack) -> None:
        self.connection = connection
        self.stack = stack
        self.clock = AwsClock()
        self._clients: dict[str, Any] = {}
        self._lock = RLock()

    def client[T](self, make: Callable[[Connection], T]) -> T:
        """Return the client that a method of `Connection` makes, for example `cloud.client(Connection.logs)`."""
        with self._lock:  # making one is not safe in threads
            if make.__name__ not in self._clients:
                self._clients[make.__name__] = client = make(self.connection)
                self.clock.follow(client)
            made: T = self._clients[make.__name__]
            return made

    @property
    def s3(self) -> "S3Client":
        """The client of S3."""
        return self.client(Connection.s3)

    @property
    def dynamodb(self) -> "DynamoDBClient":
        """The client of DynamoDB."""
        return self.client(Connection.dynamodb)

    @property
    def stepfunctions(self) -> "SFNClient":
        """The client of Step Functions."""
        return self.client(Connection.stepfunctions)


@dataclass(slots=True)
class ConsoleState:
    """What the pages share. `cloud()` is all that most of them need.

    Attributes
    ----------
    read_only
        Whether the console refuses to change anything.
    """

    target: Target
    read_only: bool = False
    secrets: Secrets = field(default_factory=Secrets)
    previews: Previews = field(default_factory=lambda: Previews(Decoders()))
    opener: Callable[[Target], OpenCloud] = field(default_factory=lambda: open_cloud)
    _cloud: OpenCloud | None = None
    _failed_at: float = 0.0
    _failure: SconesError | None = None
    _lock: RLock = field(default_factory=RLock)

    def cloud(self) -> OpenCloud:
        """Return the cloud; after trouble it is opened again, with the credentials that are there by then.

        Raises
        ------
        SconesError
            When there is no such cloud or stack.
        """
        with self._lock:
            if self._cloud is None:
                if self._failure and time.monotonic() - self._failed_at < _REOPEN_S:
                    raise self._failure  # many requests at once must not open it many times
                try:
                    self._cloud, self._failure = self.opener(self.target), None
                except Exception as error:
                    sentence = sentence_of(error)
                    if sentence is None:
                        raise
                    self._failed_at, self._failure = time.monotonic(), SconesError(sentence)
                    raise self._failure from error
            return self._cloud

    @property
    def opened(self) -> OpenCloud | None:
        """The cloud if it is open: nothing is asked of AWS."""
        return self._cloud

    def trouble(self, error: Exception) -> str:
        """Say in a sentence what a request met, and open the cloud again on the next one if that may help."""
        sentence = sentence_of(error)
        if sentence is None:
            traceback.print_exception(error, file=sys.stderr)
            return f"the console itself failed ({type(error).__name__}): its terminal shows where"
        met = error.__cause__ or error  # a refusal may have a sentence of its own
        if not (is_denied(met) or is_throttle(met)):
            with self._lock:
                self._cloud = None
        return sentence


def open_cloud(target: Target) -> OpenCloud:
    """Connect to a cloud and read its stack."""
    connection = connect(target)
    cloud = OpenCloud(connection, read_stack(connection))
    for make in (Connection.s3, Connection.dynamodb, Connection.stepfunctions):
        cloud.client(make)  # half a second that the first page need not wait for
    return cloud


def sentence_of(error: Exception) -> str | None:
    """Return what AWS or the user's settings are to blame for; None for an error of the console itself."""
    if isinstance(error, SconesError):
        return error.message
    if is_throttle(error):
        return "AWS is throttling these requests: the console tries again"
    return explain(error)


def is_throttle(error: BaseException) -> bool:
    """Tell whether AWS refused a request because there are too many."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    return isinstance(error, ClientError) and error_code(error) in _THROTTLES
