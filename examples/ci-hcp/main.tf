provider "preflight" {
  emit_bundle = false # the disk of a worker does not outlive the run
}

# Gates the apply, after somebody has confirmed the plan.
ephemeral "preflight_endpoints" "rollout" {
  endpoints = var.endpoints
  exclude   = !terraform.applying
}

# Everything that must wait depends on this ephemeral resource.
resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_endpoints.rollout]

  lifecycle {
    create_before_destroy = true
  }
}

# A check block warns in the plan, and is part of the health of the workspace between runs.
check "endpoints" {
  data "preflight_endpoints" "now" {
    endpoints = var.endpoints
  }

  assert {
    condition     = data.preflight_endpoints.now.proceed
    error_message = data.preflight_endpoints.now.explanation
  }
}
