"""The mutating webhook of injection: HTTPS on port 15017, its certificates, and the cluster's trust in them."""
