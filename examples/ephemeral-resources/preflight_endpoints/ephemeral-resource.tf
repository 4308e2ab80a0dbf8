# The checks are made again in every phase, so they gate a saved plan when it is applied. The gate opens if every endpoint accepts the
# connection.
ephemeral "preflight_endpoints" "rollout" {
  endpoints = var.endpoints
}

# Everything that must wait depends on this ephemeral resource.
resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_endpoints.rollout]

  # A closed gate holds back creation, not destruction. With this argument, the old resource stays until its replacement exists.
  lifecycle {
    create_before_destroy = true
  }
}
