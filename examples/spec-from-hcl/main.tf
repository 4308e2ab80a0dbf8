terraform {
  required_providers {
    preflight = {
      source = "terraform-preflight/preflight"
    }
  }
}

variable "endpoints" {
  description = "What must be reachable, by name."
  type        = map(string)
  default = {
    database = "db.internal:5432"
    cache    = "cache.internal:6379"
  }
}

data "preflight_spec" "api" {
  spec = yamlencode({
    apiVersion = "troubleshoot.sh/v1beta2"
    kind       = "HostPreflight"
    spec = {
      collectors = [
        for name, address in var.endpoints : { tcpConnect = { collectorName = name, address = address, timeout = "5s" } }
      ]
      analyzers = [
        for name, address in var.endpoints : { tcpConnect = {
          checkName     = name
          collectorName = name
          outcomes = [
            { pass = { when = "connected" } },
            { fail = { message = "${address} cannot be reached" } },
          ]
        } }
      ]
    }
  })
}

resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_spec.api.proceed
      error_message = data.preflight_spec.api.explanation
    }
  }
}
