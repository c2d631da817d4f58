"""Sources: whatever yields objects, all in one vocabulary of events (`xds_server.sources.events`)."""
