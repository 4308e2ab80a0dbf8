provider "preflight" {
  emit_bundle = false # the disk of a worker does not outlive the run
}

# Gates the plan, and again the apply after somebody has confirmed the plan.
ephemeral "preflight_endpoints" "rollout" {
  endpoints = var.endpoints
}

# Everything that must wait depends on this ephemeral resource.
resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_endpoints.rollout]

  lifecycle {
    create_before_destroy = true
  }
}

# A check block never stops a run. Continuous validation makes the check between runs too.
check "endpoints" {
  data "preflight_endpoints" "now" {
    endpoints = var.endpoints
  }

  assert {
    condition     = data.preflight_endpoints.now.proceed
    error_message = data.preflight_endpoints.now.explanation
  }
}
