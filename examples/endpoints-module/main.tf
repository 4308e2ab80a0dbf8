module "reachable" {
  source = "./gate"

  name = "platform"
  endpoints = {
    for name, address in var.endpoints : name => { address = address, timeout = "5s" }
  }
}

# Terraform goes on with everything that does not depend on a closed gate, so what must wait refers to it.
resource "terraform_data" "rollout" {
  input = module.reachable.gate
}
