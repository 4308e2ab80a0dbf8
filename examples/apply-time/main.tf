resource "terraform_data" "service" {
  input = "127.0.0.1"
}

# The host is known only after the service was created, so the check is made during the apply, and the gate closes there.
data "preflight_tcp_connect" "api" {
  address = "${terraform_data.service.output}:${var.port}"
}

data "preflight_analysis" "api" {
  status = data.preflight_tcp_connect.api.status
  reason = data.preflight_tcp_connect.api.reason
  outcomes = [
    { pass = { when = "connected" } },
    { fail = { message = "The new service does not accept connections" } },
  ]
}

# Everything that must wait depends on this resource.
resource "terraform_data" "rollout" {
  lifecycle {
    # A closed gate holds back creation, not destruction. With this argument, the old resource stays until its replacement exists.
    create_before_destroy = true

    precondition {
      condition     = data.preflight_analysis.api.proceed
      error_message = "${data.preflight_analysis.api.message}\n\n${data.preflight_tcp_connect.api.explanation}"
    }
  }
}
