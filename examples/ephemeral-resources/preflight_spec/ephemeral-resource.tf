# The spec is run again in every phase, so it gates a saved plan when it is applied. It fails if an analyzer fails.
ephemeral "preflight_spec" "api" {
  spec = file(var.spec)
}

# Everything that must wait depends on this ephemeral resource.
resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_spec.api]

  # A closed gate holds back creation, not destruction. With this argument, the old resource stays until its replacement exists.
  lifecycle {
    create_before_destroy = true
  }
}
