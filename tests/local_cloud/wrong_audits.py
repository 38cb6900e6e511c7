"""Audits of the last hour in which the model was wrong: the next sweep finds that the stack's promise is refuted."""

from datetime import UTC, datetime, timedelta

from sweep.images import iso_text
from sweep.promise import promise_of
from sweep.watch import Watch
from sweep.watching import ITEM
from tests.local_cloud.cloud import LocalCloud

PROMISED = 0.01
"""PromisedError of the stack."""
WRONG = 15


def let_audits_be_wrong(cloud: LocalCloud) -> None:
    """Store a watch that began an hour ago, and drawn images since then that people called something else."""
    began = datetime.now(UTC) - timedelta(hours=1)
    name = cloud.outputs["ThresholdParameterName"]
    live = "0.8"  # an earlier alarm may have stopped everything
    cloud.client("ssm").put_parameter(Name=name, Value=live, Type="String", Overwrite=True)
    promise = promise_of(live, PROMISED, datetime.now(UTC))
    assert promise
    dynamodb, table = cloud.client("dynamodb"), cloud.outputs["ClaimsTableName"]
    watch = Watch.begun(promise, iso_text(began)).as_text()
    dynamodb.put_item(TableName=table, Item=ITEM | {"watch": {"S": watch}})
    verdict = {
        "u": {"N": "0.01"},
        "label": {"S": "bicycle"},
        "confidence": {"N": "0.9"},
        "threshold": {"N": "0.8"},
        "passed": {"BOOL": True},
        "labels": {"S": "bicycle,motorcycle"},
    }
    for number in range(WRONG):
        at = iso_text(began + timedelta(minutes=number + 1))
        decision = {
            "id": {"S": "1" * 32},
            "label": {"S": "motorcycle"},
            "by": {"S": "kim"},
            "at": {"S": at},
            "took_ms": {"N": "1"},
        }
        item = {
            "image_key": {"S": f"incoming/audited/{number}.png"},
            "etag": {"S": "e1"},
            "finished_at": {"S": at},
            "draw": {"M": verdict},
            "draw_shard": {"S": f"drawn#{number}"},
            "draw_at": {"S": at},
            "decision": {"S": "1" * 32},
            "decisions": {"L": [{"M": decision}]},
        }
        dynamodb.put_item(TableName=table, Item=item)
