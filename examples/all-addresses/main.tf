data "preflight_tcp_connect" "api" {
  check_name    = "Every address of the Kubernetes API"
  address       = var.address
  all_addresses = true

  outcomes = [
    { pass = { when = "connected" } },
    { fail = { message = "Not every address of the Kubernetes API can be reached" } },
  ]
}

output "dead_addresses" {
  value = {
    for each in data.preflight_tcp_connect.api.addresses : each.address => each.message
    if each.status != "connected"
  }
}

resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_tcp_connect.api.proceed
      error_message = data.preflight_tcp_connect.api.explanation
    }
  }
}
