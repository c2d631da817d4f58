#!/usr/bin/env bash
# Ends what up.sh made: the cluster and everything in it. The image stays.
set -euo pipefail
kind delete cluster --name pilotfish
