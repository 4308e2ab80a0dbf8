terraform {
  required_providers {
    preflight = {
      source = "terraform-preflight/preflight"
    }
  }
}

variable "address" {
  description = "The Kubernetes API server."
  type        = string
  default     = "10.128.0.29:6443"
}

data "preflight_tcp_connect" "api" {
  check_name    = "Every address of the Kubernetes API"
  address       = var.address
  all_addresses = true

  outcomes = [
    { pass = { when = "connected" } },
    { fail = { message = "Not every address of the Kubernetes API can be reached" } },
  ]
}

output "dead_addresses" {
  value = {
    for each in data.preflight_tcp_connect.api.addresses : each.address => each.message
    if each.status != "connected"
  }
}

resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_tcp_connect.api.proceed
      error_message = data.preflight_tcp_connect.api.explanation
    }
  }
}
