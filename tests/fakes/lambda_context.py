"""The context that Lambda passes with the event, as far as Powertools reads it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FakeLambdaContext:
    function_name: str = "a-function"
    memory_limit_in_mb: int = 1769
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:a-function"
    aws_request_id: str = "b8f1c4a2-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000
