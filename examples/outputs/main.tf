data "preflight_tcp_connect" "api" {
  collector_name = "kubernetes-api-tcp-conn-status"
  address        = var.address
  timeout        = "10s"
}

data "preflight_analysis" "api" {
  check_name = "Kubernetes API TCP Connection Status"
  status     = data.preflight_tcp_connect.api.status
  reason     = data.preflight_tcp_connect.api.reason
  outcomes = [
    { pass = { when = "connected", message = "Successfully connected to the Kubernetes API address" } },
    { warn = { when = "connection-timeout", message = "No answer from the Kubernetes API address", uri = "https://kubernetes.io/docs/tasks/debug/debug-cluster/" } },
    { fail = { message = "The Kubernetes API address can't be reached" } },
  ]
}

output "preflight" {
  value = {
    outcome     = data.preflight_analysis.api.outcome # "pass", "warn" or "fail"
    open        = data.preflight_analysis.api.proceed
    title       = data.preflight_analysis.api.title
    message     = data.preflight_analysis.api.message
    explanation = data.preflight_analysis.api.explanation # for people, in several lines
    uri         = data.preflight_analysis.api.uri         # null unless the outcome has one
    matched     = data.preflight_analysis.api.matched     # false: no outcome covers the status
  }
}
