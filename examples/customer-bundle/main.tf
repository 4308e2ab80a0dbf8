data "preflight_analysis" "api" {
  check_name     = "Kubernetes API"
  bundle         = var.bundle
  collector_name = "kubernetes-api"
  outcomes = [
    { pass = { when = "connected" } },
    { fail = { message = "The Kubernetes API could not be reached when the bundle was collected" } },
  ]
}

output "explanation" {
  value = data.preflight_analysis.api.explanation
}

output "results" {
  description = "One for each node, if several made the bundle."
  value       = data.preflight_analysis.api.results
}
