"""HTTP: health, metrics, `/debug/*` and the JSON API."""
