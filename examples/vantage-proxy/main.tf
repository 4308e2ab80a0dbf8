provider "preflight" {
  vantage_point {
    name = "egress"

    proxy {
      url      = var.http_proxy
      username = "deploy"
      password = var.proxy_password
    }
  }

  vantage_point {
    name = "databases"

    proxy {
      url = var.socks_proxy
    }
  }
}

data "preflight_endpoints" "rollout" {
  endpoints = {
    licences = { address = "licence.acme.example:443", via = "egress" }
    database = { address = "db.internal:5432", via = "databases" }
  }
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
