# Waits for the port to close. A mistyped port counts as closed, so check the address first.
data "preflight_tcp_connect" "api" {
  check_name = "The old server is drained"
  address    = var.address
  timeout    = "3s"

  retry {
    until = ["connection-refused"]
  }

  outcomes = [
    { pass = { when = "connection-refused" } },
    { fail = { message = "The old server still accepts connections" } },
  ]
}

resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_tcp_connect.api.proceed
      error_message = data.preflight_tcp_connect.api.explanation
    }
  }
}
