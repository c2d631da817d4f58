from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TraceConfig(_message.Message):
    __slots__ = ("probability_sampler", "constant_sampler", "rate_limiting_sampler", "max_number_of_attributes", "max_number_of_annotations", "max_number_of_message_events", "max_number_of_links")
    PROBABILITY_SAMPLER_FIELD_NUMBER: _ClassVar[int]
    CONSTANT_SAMPLER_FIELD_NUMBER: _ClassVar[int]
    RATE_LIMITING_SAMPLER_FIELD_NUMBER: _ClassVar[int]
    MAX_NUMBER_OF_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    MAX_NUMBER_OF_ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_NUMBER_OF_MESSAGE_EVENTS_FIELD_NUMBER: _ClassVar[int]
    MAX_NUMBER_OF_LINKS_FIELD_NUMBER: _ClassVar[int]
    probability_sampler: ProbabilitySampler
    constant_sampler: ConstantSampler
    rate_limiting_sampler: RateLimitingSampler
    max_number_of_attributes: int
    max_number_of_annotations: int
    max_number_of_message_events: int
    max_number_of_links: int
    def __init__(self, probability_sampler: _Optional[_Union[ProbabilitySampler, _Mapping]] = ..., constant_sampler: _Optional[_Union[ConstantSampler, _Mapping]] = ..., rate_limiting_sampler: _Optional[_Union[RateLimitingSampler, _Mapping]] = ..., max_number_of_attributes: _Optional[int] = ..., max_number_of_annotations: _Optional[int] = ..., max_number_of_message_events: _Optional[int] = ..., max_number_of_links: _Optional[int] = ...) -> None: ...

class ProbabilitySampler(_message.Message):
    __slots__ = ("samplingProbability",)
    SAMPLINGPROBABILITY_FIELD_NUMBER: _ClassVar[int]
    samplingProbability: float
    def __init__(self, samplingProbability: _Optional[float] = ...) -> None: ...

class ConstantSampler(_message.Message):
    __slots__ = ("decision",)
    class ConstantDecision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ALWAYS_OFF: _ClassVar[ConstantSampler.ConstantDecision]
        ALWAYS_ON: _ClassVar[ConstantSampler.ConstantDecision]
        ALWAYS_PARENT: _ClassVar[ConstantSampler.ConstantDecision]
    ALWAYS_OFF: ConstantSampler.ConstantDecision
    ALWAYS_ON: ConstantSampler.ConstantDecision
    ALWAYS_PARENT: ConstantSampler.ConstantDecision
    DECISION_FIELD_NUMBER: _ClassVar[int]
    decision: ConstantSampler.ConstantDecision
    def __init__(self, decision: _Optional[_Union[ConstantSampler.ConstantDecision, str]] = ...) -> None: ...

class RateLimitingSampler(_message.Message):
    __slots__ = ("qps",)
    QPS_FIELD_NUMBER: _ClassVar[int]
    qps: int
    def __init__(self, qps: _Optional[int] = ...) -> None: ...
