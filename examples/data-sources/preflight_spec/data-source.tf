# Runs every tcpConnect of the spec. All dials run side by side.
data "preflight_spec" "api" {
  spec = file(var.spec)
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
