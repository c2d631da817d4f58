"""What runs Pilotfish in a cluster: its manifests, as data, and what is wrong with a cluster.

`deploy/` holds what is made here, for kustomize and for Helm; `pilotfish install` prints or applies the same objects.
"""
