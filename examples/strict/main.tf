data "preflight_tcp_connect" "api" {
  collector_name = "kubernetes-api-tcp-conn-status"
  address        = var.address
  timeout        = "10s"
}

data "preflight_analysis" "api" {
  check_name = "Kubernetes API TCP Connection Status"
  status     = data.preflight_tcp_connect.api.status
  reason     = data.preflight_tcp_connect.api.reason
  strict     = true # a failing outcome is an error of this data source
  outcomes = [
    { pass = { when = "connected" } },
    { fail = { message = "The Kubernetes API must be reachable from here", uri = "https://kubernetes.io/docs/tasks/debug/debug-cluster/" } },
  ]
}
