"""What became of Istio objects, written into their status: by one replica, which a Lease chooses.

`usage`, `wanted`, `merging`, `steady`, `plan`, `reports`, `election` and `bucket` are pure; `elector`, `exchange`,
`writer` and `runner` talk to the API server.
"""
