resource "terraform_data" "database" {
  provisioner "local-exec" {
    command = "nc -z -w 5 ${var.host} ${var.port}"
  }
}

resource "terraform_data" "rollout" {
  depends_on = [terraform_data.database]
}
