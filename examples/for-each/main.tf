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
    kubernetes-api = "10.128.0.29:6443"
    registry       = "10.128.0.30:5000"
    licence-server = "10.128.0.31:443"
  }

  validation {
    condition     = length(var.endpoints) > 0
    error_message = "At least one endpoint: a gate over none would stand open."
  }
}

data "preflight_tcp_connect" "api" {
  for_each = var.endpoints

  check_name     = each.key
  collector_name = each.key
  address        = each.value
}

locals {
  closed = [for check in data.preflight_tcp_connect.api : check.explanation if !check.proceed]
}

resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = alltrue([for check in data.preflight_tcp_connect.api : check.proceed])
      error_message = "Not reachable:\n\n${join("\n\n", local.closed)}"
    }
  }
}
