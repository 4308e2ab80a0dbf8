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

variable "patience" {
  description = "How long to wait for all endpoints together."
  type        = string
  default     = "5m"
}

action "preflight_endpoints" "rollout" {
  config {
    endpoints = var.endpoints
    timeout   = var.patience

    retry {
      min_delay = "100ms"
    }
  }
}

resource "terraform_data" "rollout" {
  lifecycle {
    action_trigger {
      events  = [before_create]
      actions = [action.preflight_endpoints.rollout]
    }
  }
}
