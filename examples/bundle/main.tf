data "preflight_analysis" "api" {
  check_name     = "Kubernetes API TCP Connection Status"
  bundle         = var.bundle
  collector_name = "kubernetes-api-tcp-conn-status"
  max_age        = "1h" # an older result is an error
  outcomes = [
    { pass = { when = "connected" } },
    { fail = { message = "The Kubernetes API could not be reached when the bundle was collected" } },
  ]
}

resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_analysis.api.proceed
      error_message = data.preflight_analysis.api.explanation
    }
  }
}
