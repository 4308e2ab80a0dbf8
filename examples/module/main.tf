module "api_reachable" {
  source = "./gate"

  name    = "kubernetes-api"
  address = var.address
}

# Terraform goes on with everything that does not depend on a closed gate, so what must wait refers to it.
resource "terraform_data" "rollout" {
  input = module.api_reachable.gate
}
