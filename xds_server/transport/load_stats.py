"""Load reports (LRS): taken and counted. What Envoys report has no effect here, but an Envoy that is told to report by
its bootstrap must find somebody who takes it: else it tries again for ever (xds-protocol rule 88).

https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/load_stats/v3/lrs.proto
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import grpc
import grpc.aio
from envoy.service.load_stats.v3 import lrs_pb2

if TYPE_CHECKING:
    from xds_server.metrics import Metrics
    from xds_server.transport.calls import Calls

SERVICE: Final = lrs_pb2.DESCRIPTOR.services_by_name["LoadReportingService"].full_name
INTERVAL: Final = timedelta(seconds=60)

_Request = lrs_pb2.LoadStatsRequest
_Response = lrs_pb2.LoadStatsResponse


def handlers(metrics: Metrics, calls: Calls, interval: timedelta = INTERVAL) -> grpc.GenericRpcHandler:
    """Return the method; each stream is asked once, for all clusters, every `interval`."""

    async def reports(context: grpc.aio.ServicerContext[_Request, _Response]) -> None:
        if not isinstance(await context.read(), _Request):
            return
        # The first message says only that the client is there. Clients that do not know `send_all_clusters` read the
        # list, which is empty: they have nothing to report then, and stay.
        await context.write(_Response(send_all_clusters=True, load_reporting_interval=interval))
        while isinstance(request := await context.read(), _Request):
            metrics.load_reports.add(amount=len(request.cluster_stats))

    return grpc.method_handlers_generic_handler(
        SERVICE, {"StreamLoadStats": calls.streaming(reports, _Request, _Response)}
    )
