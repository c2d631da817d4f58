"""Pure translation: a World and a ProxyView in, Envoy resources with origins and diagnostics out."""
