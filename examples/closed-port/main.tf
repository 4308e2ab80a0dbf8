data "preflight_tcp_connect" "api" {
  collector_name = "debug-port"
  address        = var.address
  timeout        = "3s"
}

data "preflight_analysis" "api" {
  check_name = "Debug port is closed"
  status     = data.preflight_tcp_connect.api.status
  reason     = data.preflight_tcp_connect.api.reason
  outcomes = [
    { fail = { when = "connected", message = "The debug port is open" } },
    { pass = { when = "connection-refused", message = "The debug port is closed" } },
    # No answer: a firewall drops the packets, or the host is down. Only the first is good news.
    { warn = { when = "connection-timeout", message = "No answer from the debug port: filtered, or the host is down" } },
    # An "error" says nothing about the port. No outcome covers it, so the check fails.
  ]
}

resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_analysis.api.proceed
      error_message = "${data.preflight_analysis.api.message}\n\n${data.preflight_tcp_connect.api.explanation}"
    }
  }
}
