data "preflight_tcp_connect" "api" {
  collector_name = "kubernetes-api-tcp-conn-status"
  address        = var.address
  timeout        = "5s" # of the whole check

  retry {
    attempt_timeout = "2s" # of one dial
    min_delay       = "500ms"
    max_delay       = "10s"
    give_up_on      = ["no-such-host"] # waiting does not help a misspelt name
  }
}

data "preflight_analysis" "api" {
  check_name = "Kubernetes API TCP Connection Status"
  status     = data.preflight_tcp_connect.api.status
  reason     = data.preflight_tcp_connect.api.reason
  outcomes = [
    { pass = { when = "connected" } },
    { fail = { message = "The Kubernetes API did not come up in time" } },
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
