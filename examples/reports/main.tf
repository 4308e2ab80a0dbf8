provider "preflight" {
  reports = ["html", "junit", "markdown"]
}

data "preflight_endpoints" "rollout" {
  endpoints = var.endpoints
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
