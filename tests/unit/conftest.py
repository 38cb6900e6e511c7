"""What makes unit tests fast: what botocore and moto compute for each session, client or topic is computed once."""

import functools
from collections.abc import Iterator
from typing import Any

import botocore.hooks
import botocore.regions
import botocore.session
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa


@pytest.fixture(scope="session", autouse=True)
def botocore_computes_constants_once() -> Iterator[None]:
    """Share service models, endpoint rules, names of events and signatures of handlers between all clients.

    botocore only reads them, but computes them anew for each session and client; a command makes up to ten.
    """
    hooks: Any = botocore.hooks  # whose stubs omit private attributes
    regions: Any = botocore.regions
    event_names = hooks.EventAliaser(None)._alias_event_name
    make_provider = regions.EndpointProvider
    providers: dict[tuple[int, int], Any] = {}

    def provider(ruleset_data: Any, partition_data: Any, excluded_params: Any = None) -> Any:
        rules = (
            id(ruleset_data),
            id(partition_data),
        )  # of one service, so that excluded_params are the same too
        if rules not in providers:
            # Kept with the data, whose ids would be given to others otherwise.
            made = make_provider(ruleset_data, partition_data, excluded_params)
            providers[rules] = (made, ruleset_data, partition_data)
        return providers[rules][0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        patch.setattr(hooks.EventAliaser, "_alias_event_name", lambda _, name: event_names(name))
        patch.setattr(hooks, "accepts_kwargs", functools.lru_cache(1000)(hooks.accepts_kwargs))
        patch.setattr(regions, "EndpointProvider", provider)
        yield


@pytest.fixture(scope="session", autouse=True)
def moto_signs_with_one_key() -> Iterator[None]:
    """Make one RSA key for all topics of moto: a new one takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa, "generate_private_key", functools.cache(rsa.generate_private_key))
        yield
