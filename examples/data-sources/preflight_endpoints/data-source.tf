data "preflight_endpoints" "rollout" {
  endpoints = {
    database = "db.internal:5432"
    registry = "registry.internal:5000"
  }
}

# Everything that must wait depends on this resource.
resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_endpoints.rollout.proceed
      error_message = data.preflight_endpoints.rollout.explanation
    }
  }
}
