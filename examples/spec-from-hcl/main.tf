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
