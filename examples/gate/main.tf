data "preflight_endpoints" "rollout" {
  endpoints = { database = "db.internal:5432", registry = "registry.internal:5000" }
  strict    = true
}
