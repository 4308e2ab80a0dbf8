ephemeral "preflight_tcp_connect" "api" {
  check_name = "Kubernetes API TCP Connection Status"
  address    = var.address
  exclude    = !terraform.applying # gates the apply only, so the plan can be made anywhere

  outcomes = [
    { pass = { when = "connected" } },
    { fail = { message = "The Kubernetes API must be reachable where the plan is applied" } },
  ]
}

resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_tcp_connect.api]

  # A closed gate holds back creation, not destruction. With this argument, the old resource stays until its replacement exists.
  lifecycle {
    create_before_destroy = true
  }
}
