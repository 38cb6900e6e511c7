"""Applies every patch to the MiniStack of this process (:mod:`scones.local.emulator`), and nowhere else.

The template and the functions know nothing of them. README.md has the reason of each.
"""

from __future__ import annotations

from scones.local.ministack import (
    alarms,
    condition_keys,
    dynamodb_indexes,
    dynamodb_tables,
    lambda_functions,
    metric_math,
    metrics,
    nested_stacks,
    object_versions,
    step_functions,
    workflow_versions,
)


def apply(lambda_concurrency: int) -> None:
    """Apply every patch but `authorization`, which AUTH=true adds, and `persistence`, which --persist adds.

    Parameters
    ----------
    lambda_concurrency : int
        Invocations of each function that run at once; further ones wait their turn.
    """
    step_functions.read_and_write_objects()
    step_functions.wait_as_retriers_say()
    step_functions.refuse_what_step_functions_refuses()
    step_functions.evaluate_without_a_clock()
    step_functions.keep_parsed_expressions()
    step_functions.start_at_once()
    step_functions.refuse_input_that_is_no_json()
    step_functions.resolve_paths()
    step_functions.read_inventories()
    step_functions.stop_with_the_execution()
    lambda_functions.run_python_on_the_runtime_api()
    lambda_functions.queue_invocations(lambda_concurrency)
    lambda_functions.name_throttles()
    dynamodb_tables.write_items_one_at_a_time()
    dynamodb_tables.refuse_what_an_update_cannot_do()
    dynamodb_indexes.keep_partitions_sorted()
    condition_keys.trust_the_loopback()
    condition_keys.require_set_operators()
    condition_keys.carry_keys_of_dynamodb()
    workflow_versions.add_to_cloudformation()
    workflow_versions.ask_permission_on_the_workflow()
    workflow_versions.run_the_version_asked_for()
    nested_stacks.keep_attributes()
    metric_math.add_to_cloudformation()
    metrics.count_matches()
    object_versions.encode_keys()
    object_versions.name_versions_in_events()
    metrics.read_embedded_metrics()
    metrics.count_executions()
    alarms.evaluate_like_cloudwatch()
    alarms.keep_evaluating()
