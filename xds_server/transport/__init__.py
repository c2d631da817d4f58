"""The thin grpc.aio adapter: bytes in and out of the sans-IO cores of `xds_server.protocol`."""
