data "preflight_tcp_connect" "api" {
  collector_name = var.name
  address        = var.address
}

data "preflight_analysis" "api" {
  check_name = "${var.name} accepts connections"
  status     = data.preflight_tcp_connect.api.status
  reason     = data.preflight_tcp_connect.api.reason
  outcomes = [
    { fail = { when = "connection-refused", message = "${var.name}: ${var.address} refuses connections" } },
    { fail = { when = "connection-timeout", message = "${var.name}: no answer from ${var.address}" } },
    { fail = { when = "error", message = "${var.name}: ${var.address} can't be reached" } },
    { pass = { when = "connected" } },
  ]
}

resource "terraform_data" "gate" {
  lifecycle {
    precondition {
      condition     = data.preflight_analysis.api.proceed
      error_message = "${data.preflight_analysis.api.message}\n\n${data.preflight_tcp_connect.api.explanation}"
    }
  }
}

output "gate" {
  description = "What must wait depends on this."
  value       = terraform_data.gate.id
}
