data "preflight_tcp_connect" "api" {
  collector_name = "kubernetes-api-tcp-conn-status"
  address        = var.address
  timeout        = "10s"
}

output "status" {
  value = data.preflight_tcp_connect.api.status
}

output "why" {
  value = data.preflight_tcp_connect.api.explanation
}
