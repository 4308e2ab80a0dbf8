data "preflight_endpoints" "rollout" {
  name    = var.name
  exclude = var.skip_reason != null

  # Everything but the owner goes to the provider as it was written. The owner is part of the title, so it is in each message and report.
  endpoints = {
    for name, endpoint in var.endpoints : name => merge(
      { for key, value in endpoint : key => value if key != "owner" },
      { check_name = "${name} (${endpoint.owner})" },
    )
  }
}

resource "terraform_data" "gate" {
  lifecycle {
    precondition {
      condition     = data.preflight_endpoints.rollout.proceed
      error_message = data.preflight_endpoints.rollout.explanation
    }
  }
}

check "not_skipped" {
  assert {
    condition     = var.skip_reason == null
    error_message = "Gate ${var.name} is open without a check: ${coalesce(var.skip_reason, "no reason")}"
  }
}
