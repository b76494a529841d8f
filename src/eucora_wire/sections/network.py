"""Network: latency, throughput, loss towards the gateway, and whether a proxy is in between."""

from typing import Annotated

from msgspec import Struct

from eucora_wire.fields import fact, measure


class Network(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The seed's three, and raw counts from which loss and rates follow."""

    latency_ms: (
        Annotated[float, measure("ms", "eucora_network_latency_seconds", "Round trip to the gateway", ge=0, le=600_000)]
        | None
    ) = None
    throughput_mbps: (
        Annotated[
            float,
            measure(
                "mbps",
                "eucora_network_throughput_bits_per_second",
                "Throughput since the payload before",
                ge=0,
                le=1_000_000,
            ),
        ]
        | None
    ) = None
    proxy: Annotated[bool, fact("A proxy is configured or found on the way")] | None = None
    probes: (
        Annotated[int, measure("count", "eucora_network_probes", "Probes sent to the gateway", ge=0, le=1_000_000)]
        | None
    ) = None
    probes_lost: (
        Annotated[int, measure("count", "eucora_network_probes_lost", "Probes without an answer", ge=0, le=1_000_000)]
        | None
    ) = None
    received: (
        Annotated[
            int, measure("bytes", "system_network_received_bytes_total", "Received on all interfaces since boot", ge=0)
        ]
        | None
    ) = None
    sent: (
        Annotated[int, measure("bytes", "system_network_sent_bytes_total", "Sent on all interfaces since boot", ge=0)]
        | None
    ) = None
    errors: (
        Annotated[int, measure("count", "system_network_errors_total", "Errors on all interfaces since boot", ge=0)]
        | None
    ) = None
    drops: (
        Annotated[
            int, measure("count", "system_network_dropped_total", "Packets dropped on all interfaces since boot", ge=0)
        ]
        | None
    ) = None
