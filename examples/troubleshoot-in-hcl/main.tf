data "preflight_endpoints" "rollout" {
  endpoints = {
    kubernetes-api = {
      check_name = "Kubernetes API"
      address    = var.kubernetes_api
      timeout    = "10s"
      outcomes = [
        { fail = { when = "connection-refused", message = "Connection to the Kubernetes API address was refused" } },
        { fail = { when = "connection-timeout", message = "Timed out connecting to the Kubernetes API address" } },
        { fail = { when = "error", message = "Unexpected error connecting to the Kubernetes API address" } },
        { pass = { when = "connected", message = "Successfully connected to the Kubernetes API address" } },
      ]
    }

    # A pass for "connected" and a warning for the rest: the same as severity, message and uri.
    licence-server = {
      check_name = "Licence server"
      address    = var.licence_server
      severity   = "warn"
      message    = "The licence server cannot be reached. Acme runs for 30 days without it."
      uri        = "https://acme.example/docs/offline"
    }
  }
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
