locals {
  endpoints = { database = var.database, cache = var.cache }
}

data "preflight_endpoints" "rollout" {
  endpoints = { for name, address in local.endpoints : name => address if address != null }
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
