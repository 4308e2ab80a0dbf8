data "preflight_tcp_connect" "database" {
  address = "${var.host}:${var.port}"
  timeout = "5s"
}

resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_tcp_connect.database.proceed
      error_message = data.preflight_tcp_connect.database.explanation
    }
  }
}
