resource "terraform_data" "service" {
  input = "a database, say"
}

# Terraform opens an ephemeral resource while planning, and again when the apply starts. It waits only for what its arguments refer to.
# With this trigger, the check is made after the service was created or updated.
ephemeral "preflight_tcp_connect" "api" {
  check_name = "The new service accepts connections"
  address    = var.address
  timeout    = var.patience
  triggers   = { service = terraform_data.service.id }

  retry {
    consecutive = 3 # a service that is starting may answer once and go away again
    min_delay   = "100ms"
  }
}

resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_tcp_connect.api]

  # A closed gate holds back creation, not destruction. With this argument, the old resource stays until its replacement exists.
  lifecycle {
    create_before_destroy = true
  }
}
