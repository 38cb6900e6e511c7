"""Who is asking, in which account and region."""

from typing import TYPE_CHECKING

from scones.console import shown
from scones.doctor.findings import Finding, broken, ok
from scones.errors import explain

if TYPE_CHECKING:
    from scones.connection import Connection

CREDENTIALS = "credentials"


def check_credentials(connection: "Connection") -> Finding:
    """Ask AWS whose credentials these are; no part of a secret is shown.

    Without credentials or a region no other check can say anything.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow)

    try:
        client = connection.sts()
        identity = client.get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        return broken(
            CREDENTIALS, explain(error) or str(error), "`aws sts get-caller-identity` must succeed first"
        )
    if connection.is_local:
        return ok(CREDENTIALS, f"the local cloud at {connection.endpoint_url}, which accepts any")
    # arn:aws:sts::123456789012:assumed-role/NAME/SESSION: the role and the session, or the user.
    who = identity["Arn"].rpartition(":")[2]
    return ok(
        CREDENTIALS,
        f"account {identity['Account']}, region {client.meta.region_name}, as {shown(who)}",
    )
