provider "preflight" {
  vantage_point {
    name = "bastion"

    ssh {
      host        = var.bastion
      user        = "deploy"
      private_key = var.private_key
      host_key    = var.host_key
    }
  }
}

# The checks are made in the plan, and again when a saved plan is applied.
ephemeral "preflight_endpoints" "rollout" {
  endpoints = {
    database = { address = var.database, via = "bastion" }
    registry = var.registry
    licences = { address = var.licences, severity = "warn", message = "Licences are not renewed" }
  }
  timeout = "5s" # of each endpoint
}

# Everything that must wait depends on this ephemeral resource.
resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_endpoints.rollout]

  # A closed gate holds back creation, not destruction. With this argument, the old resource stays until its replacement exists.
  lifecycle {
    create_before_destroy = true
  }
}
