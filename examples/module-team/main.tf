module "reachable" {
  source = "./gate"

  name        = "shop"
  endpoints   = var.endpoints
  skip_reason = var.skip_reason
}

# Terraform goes on with everything that does not depend on a closed gate, so what must wait refers to it.
resource "terraform_data" "rollout" {
  input = module.reachable.gate
}

output "not_ready" {
  value = module.reachable.not_ready
}
