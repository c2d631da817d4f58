#!/usr/bin/env bash
# A kind cluster with Pilotfish in it, and a demo whose pods speak through Envoys: see docs/kind.md.
# Needs docker, kind and kubectl. Doing it twice is doing it once.
set -euo pipefail
cd "$(dirname "$0")"

cluster=pilotfish
image=pilotfish:kind
context=kind-$cluster

for tool in docker kind kubectl; do
  command -v "$tool" >/dev/null || { echo "up.sh: $tool is not installed" >&2; exit 1; }
done

say() { printf '\n== %s\n' "$*"; }
kube() { kubectl --context "$context" "$@"; }

say "a cluster of one node"
if ! kind get clusters | grep -qx "$cluster"; then
  kind create cluster --name "$cluster" --wait 180s
fi
# What our container is to use: the API server's address inside of the network that kind has made.
kubeconfig=$(mktemp)
trap 'rm -f "$kubeconfig"' EXIT
kind get kubeconfig --name "$cluster" --internal >"$kubeconfig"

say "the image, built here and loaded into the node"
docker build --tag "$image" ../..
pilotfish() {
  docker run --rm --network kind --user "$(id -u):$(id -g)" --volume "$kubeconfig:/kubeconfig:ro" "$image" "$@"
}
# The manifests name an image of ours that no registry needs to have: ours gets that name.
names=$(pilotfish install | sed -nE 's/^[ -]*image: *"?([^" ]+)"?$/\1/p' | grep -v '^envoyproxy/' | sort -u)
for name in $names; do
  docker tag "$image" "$name"
done
# shellcheck disable=SC2086 # a word each
kind load docker-image --name "$cluster" "$image" $names

say "the control plane and the ingress gateway"
pilotfish install --apply --kubeconfig /kubeconfig
kube --namespace istio-system wait --for=condition=Available --timeout=300s deployment --all
for attempt in {1..30}; do
  if pilotfish check --kubeconfig /kubeconfig; then
    break
  elif ((attempt == 30)); then
    exit 1
  fi
  sleep 2
done

say "the demo: a namespace whose label asks for injection, two versions of a service, a client"
kube apply --filename demo/namespace.yaml
kube apply --filename demo
kube --namespace demo wait --for=condition=Available --timeout=300s deployment --all
kube --namespace demo get pods

cat <<EOF

== try
kubectl --context $context --namespace istio-system port-forward service/istio-ingressgateway 8080:80 &
for i in {1..20}; do curl -s localhost:8080/product | grep '"version"'; done   # by the gateway: 75 % v1, 25 % v2
curl -s localhost:8080/product/v2                                              # always v2

# From pod to pod, through both sidecars:
kubectl --context $context --namespace demo exec deployment/client --container client -- \\
  python -c 'import urllib.request as r; print(r.urlopen("http://product-service/").read().decode())'

# Nothing is lost while all pods are replaced:
kubectl --context $context --namespace demo rollout restart deployment/echo-v1

./down.sh   # ends it all
EOF
