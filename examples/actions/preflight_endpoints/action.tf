action "preflight_endpoints" "rollout" {
  config {
    endpoints = var.endpoints
    timeout   = var.patience

    retry {
      min_delay = "100ms"
    }
  }
}

resource "terraform_data" "rollout" {
  lifecycle {
    action_trigger {
      events  = [before_create]
      actions = [action.preflight_endpoints.rollout]
    }
  }
}
