"""The metrics that the functions emit; tests compare the functions and the alarms with this table."""

ALL, LABEL, REASON = ("service",), ("service", "label"), ("service", "reason")
RELEASE = ("service", "release")
EMITTED: dict[str, dict[tuple[str, ...], set[str]]] = {
    "serialize": {
        ALL: {"ObjectBytes", "ImageDataBytes", "Rejected"},
        REASON: {"ObjectBytes", "Rejected"},
        RELEASE: {"Started"},
    },
    "classify": {ALL: {"EndpointLatency", "EndpointErrors", "EndpointThrottles"}},
    "filter": {
        ALL: {"Confidence", "Passed", "Review", "ThresholdFallback"},
        LABEL: {"Confidence", "Passed", "Review", "ThresholdFallback"},
    },
    "sweep": {
        ALL: {
            "ListingCycleMinutes",
            "OldestReviewHours",
            "OldestUnclassifiedMinutes",
            "SweepStarted",
            "SweepReported",
            "SweepExhausted",
            "SweepErrors",
            "WatchEvidence",
            "AuditedPasses",
            "AuditedWrong",
        }
    },
}
"""By function and dimensions; every function also emits ColdStart."""
