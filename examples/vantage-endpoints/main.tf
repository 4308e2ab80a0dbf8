variable "endpoints" {
  description = "What must be reachable. Only what says via = \"here\" is dialled from this machine."
  type        = any # keeps a misspelt via, so that it is an error
  default = {
    database = "db.internal:5432"
    cache    = "cache.internal:6379"
    registry = { address = "registry.example.com:443", via = "here" }
  }
}

provider "preflight" {
  vantage_point {
    name = "bastion"

    ssh {
      host        = var.bastion
      user        = "deploy"
      private_key = var.private_key
      host_key    = var.host_key
    }
  }
}

data "preflight_endpoints" "rollout" {
  endpoints = var.endpoints
  via       = "bastion" # of each endpoint that does not say otherwise
}

# Everything that must wait depends on this resource.
resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_endpoints.rollout.proceed
      error_message = data.preflight_endpoints.rollout.explanation
    }
  }
}
