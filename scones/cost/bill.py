"""From what was used to dollars: a line for each thing that AWS bills, and what could not be counted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from scones.cost.consumption import Consumption, Machine
from scones.cost.endpoint_cost import Variant
from scones.cost.price_table import PriceTable

HOURS_A_MONTH: Final = 730
STATES: Final[Mapping[str, int]] = {"passed": 7, "review": 9, "rejected": 8, "failed": 12}
"""States that an execution enters on its way to an outcome, without retries. A test counts them in the workflow."""
CALLS: Final[Mapping[str, int]] = {"passed": 3, "review": 3, "rejected": 1, "failed": 2}
"""Lambda functions that it calls, as above: each call more is a retry, and so a state more."""
STATES_OF_NO_IMAGE: Final = 3
"""States of an execution that leaves its image to another one, or whose key is excluded. A test counts them as well."""
CHUNK_GB: Final = 64 / 1024
"""Memory of EXPRESS executions is billed in parts of 64 MB (Step Functions' price list)."""
WORKFLOW: Final = "ClassifyImage"
BACKFILL_CHILD: Final = "ClassifyImageExpress"

type Origin = Literal["measured", "derived"]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that AWS bills.

    Attributes
    ----------
    key
        Names it for machines and for `cuts`.
    dollars
        Of the period; None where something is not known, which `note` names.
    origin
        `measured`: quantity from a metric. `derived`: from other numbers, as `note` says.
    """

    key: str
    service: str
    what: str
    dollars: float | None
    origin: Origin
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bill:
    """All lines of a period, with its hours and images."""

    lines: tuple[Line, ...]
    hours: float
    images: float

    @property
    def total(self) -> float:
        """Dollars of all lines that are known."""
        return sum(line.dollars for line in self.lines if line.dollars is not None)

    @property
    def unknown(self) -> tuple[Line, ...]:
        """The lines without dollars: the total is at least what it says."""
        return tuple(line for line in self.lines if line.dollars is None)

    @property
    def per_image(self) -> float | None:
        """Dollars for each image with an outcome, all that is idle included; None without images."""
        return self.total / self.images if self.images else None

    @property
    def month(self) -> float | None:
        """Dollars of 730 hours like those of the period."""
        return self.total * HOURS_A_MONTH / self.hours if self.hours else None

    @property
    def by_service(self) -> dict[str, float]:
        """Dollars of the lines that are known, by service, the dearest first."""
        sums: dict[str, float] = {}
        for line in self.lines:
            if line.dollars is not None:
                sums[line.service] = sums.get(line.service, 0.0) + line.dollars
        return dict(sorted(sums.items(), key=lambda one: -one[1]))

    def line(self, key: str) -> Line | None:
        """Find a line by its key."""
        return next((line for line in self.lines if line.key == key), None)


def make_bill(used: Consumption, prices: PriceTable, endpoint_hour: float | None = None) -> Bill:
    """Price what was used.

    Parameters
    ----------
    endpoint_hour
        Dollars for an hour of one of the endpoint's instances, instead of the table's.

    Notes
    -----
    Not counted: the free tiers, data that leaves the region, requests with a key of your own, SQS, the sweep's LIST
    requests, X-Ray's retrievals, Savings Plans and discounts.
    """
    unit = prices.unit
    lines: list[Line] = []
    for make in (_step_functions, _lambda, _dynamodb, _s3, _events, _sns, _cloudwatch):
        lines += make(used, unit)
    lines += _endpoint(used, prices, endpoint_hour)
    return Bill(tuple(lines), used.hours, used.image_count)


def mean_of(counts: Mapping[str, int], images: Mapping[str, float]) -> float:
    """Return the mean of a count by outcome over images of these outcomes."""
    return sum(counts[outcome] * number for outcome, number in images.items()) / sum(images.values())


def express_dollars(machine: Machine, unit: Mapping[str, float]) -> float | None:
    """Price executions of an EXPRESS machine; 64 MB where their memory is not known."""
    if machine.executions is None or machine.billed_ms is None:
        return None
    each_gb = CHUNK_GB
    if machine.billed_bytes and machine.executions:
        each_gb = max(CHUNK_GB, machine.billed_bytes / machine.executions / 2**30)
    gb_seconds = machine.billed_ms / 1000 * each_gb
    return machine.executions * unit["express_request"] + gb_seconds * unit["express_gb_second"]


def retries(used: Consumption) -> float | None:
    """Return how many calls of the functions of the path were repeated: each is one state more; None if not known."""
    known = [used.functions[name].invocations for name in _OF_PATH if name in used.functions]
    calls = sum(number for number in known if number is not None)
    if not used.images or not calls:
        return None
    return max(0.0, calls - sum(CALLS[outcome] * number for outcome, number in used.images.items()))


def without_outcome(used: Consumption) -> float:
    """Return how many executions gave no outcome: most have a key that is excluded, or an image that has another."""
    workflow = used.machines.get(WORKFLOW)
    started = workflow.executions if workflow else None
    return max(0.0, (started or 0.0) - used.image_count)


_OF_PATH: Final = ("Serialize", "Classify", "Filter")


def _step_functions(used: Consumption, unit: Mapping[str, float]) -> Iterator[Line]:
    for name, machine in used.machines.items():
        if machine.express:
            yield Line(
                f"express.{name}",
                "Step Functions",
                f"{name}: EXPRESS executions",
                express_dollars(machine, unit),
                "measured",
                "" if machine.executions is not None else "no data in AWS/States",
            )
        elif name == WORKFLOW:
            yield _states(used, machine, unit)
        else:
            yield _backfill(used, unit)


def _states(used: Consumption, machine: Machine, unit: Mapping[str, float]) -> Line:
    key, what = "states", "states of the workflow, STANDARD"
    if machine.executions is None or not used.images:
        missing = (
            "no data in AWS/States" if machine.executions is None else "no outcomes in the stack's metrics"
        )
        return Line(key, "Step Functions", what, None, "derived", missing)
    repeated, short = retries(used), without_outcome(used)
    ended = machine.executions - short
    states = ended * mean_of(STATES, used.images) + short * STATES_OF_NO_IMAGE + (repeated or 0.0)
    extra = "retries not known" if repeated is None else f"and {repeated:,.0f} retries"
    more = f"; {STATES_OF_NO_IMAGE} for each of {short:,.0f} without an outcome" if short else ""
    note = f"executions x states of their outcomes, {extra}{more}: {states:,.0f} states"
    return Line(key, "Step Functions", what, states * unit["standard_transition"], "derived", note)


def _backfill(used: Consumption, unit: Mapping[str, float]) -> Line:
    child = used.machines.get(BACKFILL_CHILD)
    images = child.executions if child else None
    note = "for each image a transition and an EXPRESS execution, which waits for that of the workflow"
    dollars = None
    if images is not None and child is not None:
        waiting = express_dollars(child, unit)
        dollars = None if waiting is None else images * unit["standard_transition"] + waiting
    return Line(
        "backfill",
        "Step Functions",
        "the backfill's own states",
        dollars,
        "derived",
        note if dollars is not None else "no data in AWS/States: no backfill, or no metric",
    )


def _lambda(used: Consumption, unit: Mapping[str, float]) -> Iterator[Line]:
    for name, use in used.functions.items():
        what = f"{name}: calls x time x {use.memory_mb:,} MB"
        if use.invocations is None or use.took_ms is None:
            yield Line(f"lambda.{name}", "Lambda", what, None, "measured", "no data in AWS/Lambda")
            continue
        gb_seconds = use.took_ms / 1000 * use.memory_mb / 1024
        dollars = use.invocations * unit["lambda_request"] + gb_seconds * unit["lambda_gb_second"]
        note = "without starts of new copies, which AWS bills and this metric leaves out"
        yield Line(f"lambda.{name}", "Lambda", what, dollars, "measured", note)


def _dynamodb(used: Consumption, unit: Mapping[str, float]) -> Iterator[Line]:
    for kind, units in (("write", used.write_units), ("read", used.read_units)):
        dollars = None if units is None else units * unit[f"dynamodb_{kind}_unit"]
        note = "table and indexes" if units is not None else "no data in AWS/DynamoDB"
        yield Line(f"dynamodb.{kind}", "DynamoDB", f"{kind} units", dollars, "measured", note)
    months = used.hours / HOURS_A_MONTH
    stored = (used.table_gb + used.index_gb) * unit["dynamodb_gb_month"]
    backup = used.table_gb * unit["dynamodb_backup_gb_month"]
    note = f"{used.table_gb:,.3f} GB, indexes {used.index_gb:,.3f} GB, as they are now"
    yield Line(
        "dynamodb.storage", "DynamoDB", "storage and backup", (stored + backup) * months, "measured", note
    )


def _s3(used: Consumption, unit: Mapping[str, float]) -> Iterator[Line]:
    images = used.image_count
    dollars = images * (2 * unit["s3_put"] + unit["s3_get"]) if used.images else None
    note = "for each image its upload, one read, one result" if used.images else "no outcomes"
    yield Line("s3.requests", "S3", "requests", dollars, "derived", note)
    for name, size in used.buckets.items():
        key, what = f"s3.storage.{name}", f"{name}: storage"
        if size is None:
            yield Line(key, "S3", what, None, "measured", "no data in AWS/S3, which reports once a day")
            continue
        months = used.hours / HOURS_A_MONTH
        note = f"{size:,.3f} GB, mean of the period, as if all were Standard"
        yield Line(key, "S3", what, size * unit["s3_gb_month"] * months, "measured", note)


def _events(used: Consumption, unit: Mapping[str, float]) -> Iterator[Line]:
    known = bool(used.images)
    none = "no outcomes in the stack's metrics"
    matched = used.image_count + without_outcome(used)
    dollars = matched * unit["event"] if known else None
    note = "one for each execution; AWS bills those of the bucket's other objects too, which no metric counts"
    yield Line(
        "events.uploads", "EventBridge", "events of uploads", dollars, "derived", note if known else none
    )
    if used.result_events:
        note = "one for each image; those of decisions are not counted" if known else none
        yield Line("events.results", "EventBridge", "events of results", dollars, "derived", note)


def _sns(used: Consumption, unit: Mapping[str, float]) -> Iterator[Line]:
    if used.published is None:
        note = "no data in AWS/SNS: nothing was published, or no metric"
        yield Line("sns", "SNS", "messages", None, "measured", note)
        return
    emails = (used.delivered or 0.0) * unit["sns_email"]
    note = "deliveries as if all were e-mails"
    yield Line("sns", "SNS", "messages", used.published * unit["sns_publish"] + emails, "measured", note)


def _cloudwatch(used: Consumption, unit: Mapping[str, float]) -> Iterator[Line]:
    months = used.hours / HOURS_A_MONTH
    logs = None if used.logs_gb is None else used.logs_gb * unit["log_gb"]
    note = "no data in AWS/Logs" if logs is None else f"{used.logs_gb:,.3f} GB written"
    yield Line("logs", "CloudWatch", "log lines", logs, "measured", note)
    stored = used.logs_stored_gb * unit["log_gb_month"] * months
    yield Line("logs.storage", "CloudWatch", "stored logs", stored, "measured", "as they are now")
    note = f"{used.metrics} with data in the last three hours" if used.metrics else "none has data"
    metrics = used.metrics * unit["metric_month"] * months if used.metrics else None
    yield Line("metrics", "CloudWatch", "the stack's own metrics", metrics, "derived", note)
    for key, what, number, price in (
        ("alarms", "metrics of alarms", used.alarm_metrics, "alarm_metric_month"),
        ("dashboards", "dashboards", used.dashboards, "dashboard_month"),
        ("secrets", "secrets", used.secrets, "secret_month"),
    ):
        service = "Secrets Manager" if key == "secrets" else "CloudWatch"
        yield Line(key, service, what, number * unit[price] * months, "derived", f"{number} all the time")
    yield _traces(used, unit)


def _traces(used: Consumption, unit: Mapping[str, float]) -> Line:
    """At most: X-Ray's default rule records the first request of each second, and 5 % of the others."""
    started = [one.executions for one in used.machines.values() if one.executions is not None]
    if not started:
        return Line("traces", "X-Ray", "traces", None, "derived", "no data in AWS/States")
    seconds = used.hours * 3600
    recorded = min(sum(started), seconds) + 0.05 * max(0.0, sum(started) - seconds)
    note = f"at most {recorded:,.0f}: X-Ray's default rule; your account may have another"
    return Line("traces", "X-Ray", "traces", recorded * unit["trace"], "derived", note)


def _endpoint(used: Consumption, prices: PriceTable, hour: float | None) -> Iterator[Line]:
    if used.variants is None:
        yield Line("endpoint", "SageMaker", "endpoint", None, "derived", used.endpoint_problem or "not known")
        return
    for variant in used.variants:
        priced = _serverless if variant.memory_gb is not None else _on_instances
        yield priced(variant, prices, hour)


def _serverless(variant: Variant, prices: PriceTable, _hour: float | None) -> Line:
    key, what = f"endpoint.{variant.name}", f"endpoint, serverless, {variant.memory_gb:g} GB"
    if variant.seconds is None:
        return Line(
            key, "SageMaker", what, None, "derived", "no data in AWS/SageMaker: not asked, or no metric"
        )
    dollars = variant.seconds * (variant.memory_gb or 0.0) * prices.unit["serverless_gb_second"]
    note = f"{variant.seconds:,.0f} s of answers and starts x memory"
    return Line(key, "SageMaker", what, dollars, "derived", note)


def _on_instances(variant: Variant, prices: PriceTable, hour: float | None) -> Line:
    key = f"endpoint.{variant.name}"
    what = f"endpoint, {variant.instances} x {variant.instance_type}"
    price = hour if hour is not None else prices.instance_hour.get(variant.instance_type or "")
    if price is None:
        note = f"no price for {variant.instance_type}: give that of an hour with --endpoint-hour"
        return Line(key, "SageMaker", what, None, "derived", note)
    note = f"{variant.hours:,.0f} instance-hours, as many instances as now"
    return Line(key, "SageMaker", what, variant.hours * price, "derived", note)
