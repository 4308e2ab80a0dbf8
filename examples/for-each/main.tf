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

  collector_name = each.key
  address        = each.value
}

data "preflight_analysis" "api" {
  for_each = var.endpoints

  check_name = each.key
  status     = data.preflight_tcp_connect.api[each.key].status
  reason     = data.preflight_tcp_connect.api[each.key].reason
  outcomes = [
    { pass = { when = "connected" } },
    { fail = { message = "${each.key} at ${each.value}: ${coalesce(data.preflight_tcp_connect.api[each.key].message, "unreachable")}" } },
  ]
}

locals {
  closed = [for analysis in data.preflight_analysis.api : analysis.message if !analysis.proceed]
}

resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = alltrue([for analysis in data.preflight_analysis.api : analysis.proceed])
      error_message = "Not reachable:\n${join("\n", local.closed)}"
    }
  }
}
