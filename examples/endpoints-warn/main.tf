variable "endpoints" {
  description = "What must be reachable. Only what says severity = \"warn\" does not stop the rollout."
  type        = any # keeps a misspelt key, so that it is an error
  default = {
    database = "db.internal:5432"
    cache    = { address = "cache.internal:6379", severity = "warn", message = "The rollout will be slow without the cache" }
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
