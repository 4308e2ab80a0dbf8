# The check is made again in every phase, so it gates a saved plan when it is applied. It fails unless the address accepts the connection.
ephemeral "preflight_tcp_connect" "api" {
  check_name = "Kubernetes API TCP Connection Status"
  address    = var.address
}

# Everything that must wait depends on this ephemeral resource.
resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_tcp_connect.api]

  # A closed gate holds back creation, not destruction. With this argument, the old resource stays until its replacement exists.
  lifecycle {
    create_before_destroy = true
  }
}
