"""The steps of a destroy, in the order in which an interrupted one can be run again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scones.destroy.deletion import delete_bucket, delete_log_groups, delete_stack
from scones.destroy.intake import RULE, STATE_MACHINE, disable_rules, stop_executions
from scones.destroy.inventory import Bucket, Contents, Inventory, Table
from scones.errors import error_code
from scones.pace import Pace
from scones.terminal import comma

if TYPE_CHECKING:
    from scones.connection import Connection

type OnProgress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much of it is, and of how much where that is known."""


@dataclass(slots=True)
class Destroy:
    """A destroy under way; `done` says what has been, so that an interrupted one can be reported.

    Everything is found through the stack, so the stack goes last: whatever stops a destroy, running it again continues.
    """

    connection: "Connection"
    inventory: Inventory
    contents: Contents
    keep: frozenset[str] = frozenset()
    """Logical ids of the buckets that stay as they are."""
    pace: Pace = field(default_factory=Pace)
    on_progress: OnProgress = lambda _what, _done, _total: None
    done: list[str] = field(default_factory=list)
    is_complete: bool = False

    @property
    def kept(self) -> list[str]:
        """The names of the buckets that stay."""
        return [bucket.name for bucket in self.contents.buckets if bucket.logical_id in self.keep]

    def run(self) -> None:
        """Delete everything.

        Raises
        ------
        NotDestroyedError
            When something could not be deleted, with the reason.
        """
        self._stop_intake()
        for bucket in self.contents.buckets:
            if bucket.logical_id not in self.keep:
                self._delete_bucket(bucket)
        for table in self.contents.tables:
            self._delete_table(table)
        if not self.inventory.is_gone:
            self._delete_stack()
        for name in delete_log_groups(self.connection.logs(), self.inventory):
            self.done.append(f"log group {name} deleted")
        self.is_complete = True

    def _stop_intake(self) -> None:
        """Let nothing start any more and stop what runs: it would write into a bucket that is being emptied.

        An execution may wait for its endpoint for hours, so it is not waited for, and Step Functions keeps a workflow
        until its executions have ended. The rules go first, or each execution that is stopped would be reported as an
        image that failed.
        """
        self.on_progress("Disabling the rules", 0, None)
        rules = disable_rules(self.connection.events(), [rule.name for rule in self.inventory.of(RULE)])
        stopped = looked_at = 0

        def show() -> None:
            nonlocal looked_at
            looked_at += 1
            self.on_progress("Stopping executions", looked_at, max(looked_at, self.contents.running))

        stepfunctions = self.connection.stepfunctions()
        for machine in self.inventory.of(STATE_MACHINE):
            stopped += stop_executions(stepfunctions, machine.name, self.pace.sleep, show)
        if rules:
            self.done.append(
                f"{comma(rules, 'rule', 'rules')} disabled, {comma(stopped, 'execution', 'executions')} stopped"
            )

    def _delete_bucket(self, bucket: Bucket) -> None:
        deleted = 0

        def show(number: int) -> None:
            nonlocal deleted
            deleted += number
            self.on_progress(what, deleted, None if bucket.at_least else max(deleted, bucket.versions))

        what = f"Emptying {bucket.name}"
        show(0)
        delete_bucket(self.connection.s3(), bucket.name, self.pace.sleep, show)
        self.done.append(f"bucket {bucket.name} deleted with {comma(deleted, 'version', 'versions')} in it")

    def _delete_table(self, table: Table) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

        self.on_progress(f"Deleting table {table.name}", 0, None)
        try:
            self.connection.dynamodb().delete_table(TableName=table.name)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
        self.done.append(f"table {table.name} deleted")

    def _delete_stack(self) -> None:
        def pause() -> None:
            self.on_progress(f"Deleting stack {self.inventory.stack}", 0, None)
            self.pace.sleep(self.pace.longest_s)

        delete_stack(self.connection.cloudformation(), self.inventory.stack_id, pause)
        resources = comma(len(self.inventory.resources), "resource", "resources")
        self.done.append(f"stack {self.inventory.stack} deleted: {resources} in all")
