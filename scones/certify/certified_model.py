"""Which model a certificate is for: a version that the endpoint reports, or the endpoint's configuration."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scones.audited_draws import moment
from scones.audits import Draw
from scones.errors import SconesError
from scones.index import time_text

if TYPE_CHECKING:
    from scones.connection import Connection
    from scones.stack import Stack


@dataclass(frozen=True, slots=True)
class CertifiedModel:
    """
    A model, by its version; where the endpoint reports none, by the configuration that the endpoint has.

    Attributes
    ----------
    config, config_time
        Name of the endpoint configuration and when it was made.
    since
        When the endpoint got it: earlier draws may be of another model.
    """

    version: str | None
    config: str | None = None
    config_time: datetime | None = None
    since: datetime | None = None

    def __str__(self) -> str:
        """Return how a person names it."""
        return f"model {self.version}" if self.version else f"endpoint configuration {self.config}"

    def has(self, draw: Draw) -> bool:
        """Tell whether a draw was classified by it."""
        return draw.model_version == self.version and (self.since is None or moment(draw.at) >= self.since)

    def as_document(self) -> dict[str, Any]:
        """Return what a certificate binds."""
        config = None
        if self.config and self.config_time:
            config = {"name": self.config, "time": time_text(self.config_time)}
        return {"model_version": self.version, "endpoint_config": config}


def of_present_release(draw: Draw, stack: "Stack") -> bool:
    """Tell whether a draw was made of the stack's endpoint, by the Serialize that the stack has now.

    A draw of a release that did not record Serialize's digest is not evidence for any.
    """
    return draw.endpoint == stack.endpoint_name and draw.serialize == stack.serialize_digest


def choose_model(
    connection: "Connection", stack: "Stack", draws: Sequence[Draw], wanted: str | None
) -> CertifiedModel:
    """Return the wanted version, or the model that classified the newest draw.

    Raises
    ------
    SconesError
        When there is no draw of it, or when the endpoint reports no version and SageMaker cannot be asked.
    """
    if not draws:
        raise SconesError(_nothing_drawn(stack))
    if wanted is not None:
        if not any(one.model_version == wanted for one in draws):
            versions = sorted({one.model_version for one in draws if one.model_version})
            message = (
                f"no draw is of model {wanted}: there are {', '.join(versions) or 'none with a version'}"
            )
            raise SconesError(message)
        return CertifiedModel(wanted)
    version = draws[-1].model_version
    return CertifiedModel(version) if version is not None else _configuration(connection, stack)


def _nothing_drawn(stack: "Stack") -> str:
    share = stack.parameters.get("AuditShare")
    if share is None:
        return (
            f"stack {stack.name} has no parameter AuditShare: it is older than this command, deploy it again"
        )
    if float(share) == 0:
        return "no image was ever drawn, because AuditShare is 0: deploy the stack with another, for example 0.02"
    return f"no classified image was drawn yet: about {float(share):.3g} of them are (AuditShare)"


def _configuration(connection: "Connection", stack: "Stack") -> CertifiedModel:
    if connection.is_local:
        message = (
            f"endpoint {stack.endpoint_name} reports no model version, and the local cloud has no SageMaker whose "
            "endpoint configuration a certificate could bind instead: let the endpoint answer with the custom "
            "attribute model_version=NAME"
        )
        raise SconesError(message)
    sagemaker = connection.sagemaker()
    endpoint = sagemaker.describe_endpoint(EndpointName=stack.endpoint_name)
    name = endpoint["EndpointConfigName"]
    made = sagemaker.describe_endpoint_config(EndpointConfigName=name)["CreationTime"]
    return CertifiedModel(None, name, made, endpoint["LastModifiedTime"])
