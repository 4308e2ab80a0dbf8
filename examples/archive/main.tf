provider "preflight" {
  bundle_format = "json" # the form that the Troubleshoot tools read
}

data "preflight_spec" "api" {
  spec    = file(var.spec)
  archive = "acme-preflight.tar.gz"
}

resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_spec.api.proceed
      error_message = "${data.preflight_spec.api.explanation}\n\nAcme support: support@acme.example"
    }
  }
}
