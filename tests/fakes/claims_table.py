"""The claims table of the template in MiniStack's DynamoDB, without a server: a client that reads and writes it."""

from __future__ import annotations

import itertools
import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners

from scones.index import shard_of
from tools.transformed import claims_table

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMBERS: Final = itertools.count()


@cache
def claims_properties() -> dict[str, Any]:
    """Return the table's properties in the template, without the encryption that depends on a parameter."""
    return claims_table()


class ClaimsTable:
    """DynamoDB with one table; `failures` are raised first, and `queries` are those that were answered."""

    def __init__(self) -> None:
        name, _ = provisioners._ddb_create(
            "Claims", claims_table() | {"TableName": f"claims-{next(_NUMBERS)}"}, "stack"
        )
        self.name = str(name)
        self.failures: list[ClientError] = []
        self.queries: list[dict[str, Any]] = []

    def query(self, **request: Any) -> dict[str, Any]:
        return self._call(dynamodb._query, "Query", request)

    def scan(self, **request: Any) -> dict[str, Any]:
        return self._call(dynamodb._scan, "Scan", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._call(dynamodb._update_item, "UpdateItem", request)

    def put(self, item: dict[str, Any]) -> None:
        self._call(dynamodb._put_item, "PutItem", {"TableName": self.name, "Item": item})

    def put_ended(self, key: str, finished_at: str, outcome: str = "passed", **more: Any) -> None:
        """Put the claim of an image with an outcome, as the workflow closes it."""
        item = {
            "image_key": key,
            "etag": "e" * 32,
            "outcome": outcome,
            "outcome_shard": f"{outcome}#{shard_of(key, 'e' * 32)}",
            "finished_at": finished_at,
            **more,
        }
        self.put(
            {name: {"N" if isinstance(value, float) else "S": str(value)} for name, value in item.items()}
        )

    def item(self, key: str) -> dict[str, Any]:
        found = dynamodb._tables.get(self.name)["items"][key]
        return dict(next(iter(found.values())))

    def _call(self, operation: Callable[[Any], Any], name: str, request: dict[str, Any]) -> dict[str, Any]:
        if self.failures:
            raise self.failures.pop(0)
        status, _, body = operation(request)
        answer = json.loads(body)
        if status != 200:
            raise ClientError(
                {"Error": {"Code": answer["__type"].rpartition("#")[2], "Message": answer["message"]}}, name
            )
        if name == "Query":
            self.queries.append(request)
        return dict(answer)
