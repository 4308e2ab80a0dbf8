terraform {
  required_providers {
    preflight = {
      source = "terraform-preflight/preflight"
    }
  }
}

variable "endpoints" {
  description = "What must be reachable: a name and host:port of each."
  type        = map(string)
  default = {
    database = "db.internal:5432"
    registry = "registry.internal:5000"
  }
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
