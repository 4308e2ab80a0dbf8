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

# The checks are made again in every phase, so they gate a saved plan when it is applied. The gate opens if every endpoint accepts the
# connection.
ephemeral "preflight_endpoints" "rollout" {
  endpoints = var.endpoints
}

# Everything that must wait depends on this ephemeral resource.
resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_endpoints.rollout]

  # A closed gate holds back creation, not destruction. With this argument, the old resource stays until its replacement exists.
  lifecycle {
    create_before_destroy = true
  }
}
