"""The demo: a control plane, a real Envoy and echo backends on one machine, and the traffic that shows them working."""
