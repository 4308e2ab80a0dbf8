data "preflight_tcp_connect" "api" {
  collector_name = "kubernetes-api-tcp-conn-status"
  address        = var.address
  timeout        = "10s"
}

# A check block never stops a run. It warns in every plan and apply, and HCP Terraform can evaluate it continuously.
check "api" {
  data "preflight_analysis" "api" {
    check_name = "Kubernetes API TCP Connection Status"
    status     = data.preflight_tcp_connect.api.status
    reason     = data.preflight_tcp_connect.api.reason
    outcomes = [
      { fail = { when = "connection-refused", message = "Connection to the Kubernetes API address was refused" } },
      { fail = { when = "connection-timeout", message = "Timed out connecting to the Kubernetes API address" } },
      { fail = { when = "error", message = "Unexpected error connecting to the Kubernetes API address" } },
      { pass = { when = "connected" } },
    ]
  }

  assert {
    condition     = data.preflight_analysis.api.proceed
    error_message = "${data.preflight_analysis.api.message}\n\n${data.preflight_tcp_connect.api.explanation}"
  }
}
