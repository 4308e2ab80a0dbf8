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

data "preflight_spec" "api" {
  spec = file(var.spec)
  via  = "bastion" # of all collectors
}

# Everything that must wait depends on this resource.
resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_spec.api.proceed
      error_message = data.preflight_spec.api.explanation
    }
  }
}
