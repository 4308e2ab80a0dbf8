terraform {
  required_providers {
    preflight = {
      source = "terraform-preflight/preflight"
    }
  }
}

provider "preflight" {
  bundle_dir    = "support-bundle" # where result files go
  bundle_format = "json"           # as the Troubleshoot tools read them
  timeout       = "5s"             # of every check that sets none
}
