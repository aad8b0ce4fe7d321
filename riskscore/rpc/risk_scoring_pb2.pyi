import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AssessRequest(_message.Message):
    __slots__ = ("id", "account", "kind", "channel", "amount", "currency", "occurred_at", "country", "card", "counterparty", "device", "reverses")
    ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    CARD_FIELD_NUMBER: _ClassVar[int]
    COUNTERPARTY_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    REVERSES_FIELD_NUMBER: _ClassVar[int]
    id: str
    account: str
    kind: str
    channel: str
    amount: str
    currency: str
    occurred_at: _timestamp_pb2.Timestamp
    country: str
    card: Card
    counterparty: Counterparty
    device: Device
    reverses: str
    def __init__(self, id: _Optional[str] = ..., account: _Optional[str] = ..., kind: _Optional[str] = ..., channel: _Optional[str] = ..., amount: _Optional[str] = ..., currency: _Optional[str] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., country: _Optional[str] = ..., card: _Optional[_Union[Card, _Mapping]] = ..., counterparty: _Optional[_Union[Counterparty, _Mapping]] = ..., device: _Optional[_Union[Device, _Mapping]] = ..., reverses: _Optional[str] = ...) -> None: ...

class Card(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: str
    def __init__(self, number: _Optional[str] = ...) -> None: ...

class Counterparty(_message.Message):
    __slots__ = ("kind", "id", "category", "country")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    kind: str
    id: str
    category: str
    country: str
    def __init__(self, kind: _Optional[str] = ..., id: _Optional[str] = ..., category: _Optional[str] = ..., country: _Optional[str] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("id", "platform", "browser", "screen", "language", "utc_offset_minutes", "ip_country", "network", "hardware_concurrency", "memory_gb", "has_touch", "is_emulator", "is_automated", "is_rooted")
    ID_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    BROWSER_FIELD_NUMBER: _ClassVar[int]
    SCREEN_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    UTC_OFFSET_MINUTES_FIELD_NUMBER: _ClassVar[int]
    IP_COUNTRY_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    HARDWARE_CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    MEMORY_GB_FIELD_NUMBER: _ClassVar[int]
    HAS_TOUCH_FIELD_NUMBER: _ClassVar[int]
    IS_EMULATOR_FIELD_NUMBER: _ClassVar[int]
    IS_AUTOMATED_FIELD_NUMBER: _ClassVar[int]
    IS_ROOTED_FIELD_NUMBER: _ClassVar[int]
    id: str
    platform: str
    browser: str
    screen: str
    language: str
    utc_offset_minutes: int
    ip_country: str
    network: str
    hardware_concurrency: int
    memory_gb: float
    has_touch: bool
    is_emulator: bool
    is_automated: bool
    is_rooted: bool
    def __init__(self, id: _Optional[str] = ..., platform: _Optional[str] = ..., browser: _Optional[str] = ..., screen: _Optional[str] = ..., language: _Optional[str] = ..., utc_offset_minutes: _Optional[int] = ..., ip_country: _Optional[str] = ..., network: _Optional[str] = ..., hardware_concurrency: _Optional[int] = ..., memory_gb: _Optional[float] = ..., has_touch: _Optional[bool] = ..., is_emulator: _Optional[bool] = ..., is_automated: _Optional[bool] = ..., is_rooted: _Optional[bool] = ...) -> None: ...

class Assessment(_message.Message):
    __slots__ = ("id", "status", "event", "score", "risk_level", "outcome", "causes", "anomaly", "reasons", "rule_hits", "degraded", "degraded_code", "versions", "usage", "timing", "operation", "created_at", "completed_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    RISK_LEVEL_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CAUSES_FIELD_NUMBER: _ClassVar[int]
    ANOMALY_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    RULE_HITS_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_CODE_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    status: str
    event: AssessedEvent
    score: float
    risk_level: str
    outcome: str
    causes: _containers.RepeatedScalarFieldContainer[str]
    anomaly: Anomaly
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    rule_hits: _containers.RepeatedCompositeFieldContainer[RuleHit]
    degraded: bool
    degraded_code: str
    versions: AssessmentVersions
    usage: PositionUsage
    timing: AssessmentTiming
    operation: str
    created_at: _timestamp_pb2.Timestamp
    completed_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., status: _Optional[str] = ..., event: _Optional[_Union[AssessedEvent, _Mapping]] = ..., score: _Optional[float] = ..., risk_level: _Optional[str] = ..., outcome: _Optional[str] = ..., causes: _Optional[_Iterable[str]] = ..., anomaly: _Optional[_Union[Anomaly, _Mapping]] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., rule_hits: _Optional[_Iterable[_Union[RuleHit, _Mapping]]] = ..., degraded: _Optional[bool] = ..., degraded_code: _Optional[str] = ..., versions: _Optional[_Union[AssessmentVersions, _Mapping]] = ..., usage: _Optional[_Union[PositionUsage, _Mapping]] = ..., timing: _Optional[_Union[AssessmentTiming, _Mapping]] = ..., operation: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., completed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AssessedEvent(_message.Message):
    __slots__ = ("id", "account", "kind", "channel", "amount", "currency", "occurred_at", "card", "counterparty")
    ID_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    CARD_FIELD_NUMBER: _ClassVar[int]
    COUNTERPARTY_FIELD_NUMBER: _ClassVar[int]
    id: str
    account: str
    kind: str
    channel: str
    amount: str
    currency: str
    occurred_at: _timestamp_pb2.Timestamp
    card: str
    counterparty: str
    def __init__(self, id: _Optional[str] = ..., account: _Optional[str] = ..., kind: _Optional[str] = ..., channel: _Optional[str] = ..., amount: _Optional[str] = ..., currency: _Optional[str] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., card: _Optional[str] = ..., counterparty: _Optional[str] = ...) -> None: ...

class Anomaly(_message.Message):
    __slots__ = ("type", "probabilities")
    class ProbabilitiesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    type: str
    probabilities: _containers.ScalarMap[str, float]
    def __init__(self, type: _Optional[str] = ..., probabilities: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("code", "contribution", "evidence", "text")
    CODE_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    code: str
    contribution: float
    evidence: _containers.RepeatedCompositeFieldContainer[Evidence]
    text: str
    def __init__(self, code: _Optional[str] = ..., contribution: _Optional[float] = ..., evidence: _Optional[_Iterable[_Union[Evidence, _Mapping]]] = ..., text: _Optional[str] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("event", "pointer")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    POINTER_FIELD_NUMBER: _ClassVar[int]
    event: str
    pointer: str
    def __init__(self, event: _Optional[str] = ..., pointer: _Optional[str] = ...) -> None: ...

class RuleHit(_message.Message):
    __slots__ = ("id", "name", "outcome", "watch", "overridable", "text")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    OVERRIDABLE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    outcome: str
    watch: str
    overridable: bool
    text: str
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., outcome: _Optional[str] = ..., watch: _Optional[str] = ..., overridable: _Optional[bool] = ..., text: _Optional[str] = ...) -> None: ...

class AssessmentVersions(_message.Message):
    __slots__ = ("model", "calibration", "ruleset", "thresholds", "encoding")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    RULESET_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    model: ScoringModel
    calibration: str
    ruleset: str
    thresholds: str
    encoding: str
    def __init__(self, model: _Optional[_Union[ScoringModel, _Mapping]] = ..., calibration: _Optional[str] = ..., ruleset: _Optional[str] = ..., thresholds: _Optional[str] = ..., encoding: _Optional[str] = ...) -> None: ...

class ScoringModel(_message.Message):
    __slots__ = ("name", "digest", "precision", "kernels")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    KERNELS_FIELD_NUMBER: _ClassVar[int]
    name: str
    digest: str
    precision: str
    kernels: str
    def __init__(self, name: _Optional[str] = ..., digest: _Optional[str] = ..., precision: _Optional[str] = ..., kernels: _Optional[str] = ...) -> None: ...

class PositionUsage(_message.Message):
    __slots__ = ("positions_total", "positions_cached", "positions_shared")
    POSITIONS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_CACHED_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_SHARED_FIELD_NUMBER: _ClassVar[int]
    positions_total: int
    positions_cached: int
    positions_shared: int
    def __init__(self, positions_total: _Optional[int] = ..., positions_cached: _Optional[int] = ..., positions_shared: _Optional[int] = ...) -> None: ...

class AssessmentTiming(_message.Message):
    __slots__ = ("queue_ms", "infer_ms", "total_ms")
    QUEUE_MS_FIELD_NUMBER: _ClassVar[int]
    INFER_MS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_MS_FIELD_NUMBER: _ClassVar[int]
    queue_ms: float
    infer_ms: float
    total_ms: float
    def __init__(self, queue_ms: _Optional[float] = ..., infer_ms: _Optional[float] = ..., total_ms: _Optional[float] = ...) -> None: ...
