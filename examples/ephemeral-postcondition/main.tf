ephemeral "preflight_tcp_connect" "api" {
  check_name = "Kubernetes API TCP Connection Status"
  address    = var.address

  outcomes = [
    { pass = { when = "connected" } },
    { fail = { message = "The Kubernetes API must be reachable" } },
  ]

  # The resource fails by itself if the check fails. This condition closes the gate of a mocked resource, whose proceed is false.
  lifecycle {
    postcondition {
      condition     = self.proceed
      error_message = "The Kubernetes API was not checked."
    }
  }
}

resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_tcp_connect.api]

  # A closed gate holds back creation, not destruction. With this argument, the old resource stays until its replacement exists.
  lifecycle {
    create_before_destroy = true
  }
}
