data "preflight_endpoints" "rollout" {
  endpoints = var.endpoints

  lifecycle {
    postcondition {
      condition     = self.proceed
      error_message = self.explanation
    }
  }
}

# Terraform reads this only after the gate has opened, while planning too.
data "terraform_remote_state" "network" {
  backend = "local"
  config  = { path = var.network_state }

  depends_on = [data.preflight_endpoints.rollout]
}

resource "terraform_data" "rollout" {
  input = data.terraform_remote_state.network.outputs
}
