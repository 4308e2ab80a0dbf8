# Waits until every endpoint is ready, in the apply only. What does not come up in time is an error that names it.
ephemeral "preflight_endpoints" "rollout" {
  endpoints = var.endpoints
  exclude   = !terraform.applying # the plan need not wait
  timeout   = var.patience        # of the whole wait

  retry {
    min_delay = "500ms"
    max_delay = "10s"
  }
}

# Everything that must wait depends on this ephemeral resource.
resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_endpoints.rollout]

  # A closed gate holds back creation, not destruction. With this argument, the old resource stays until its replacement exists.
  lifecycle {
    create_before_destroy = true
  }
}
