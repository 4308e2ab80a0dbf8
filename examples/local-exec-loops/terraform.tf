terraform {
  required_providers {
    preflight = {
      source = "terraform-preflight/preflight"
    }
  }
}
