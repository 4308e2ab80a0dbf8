# OpenTofu only: Terraform can't mock ephemeral resources.
mock_provider "preflight" {}

run "closed_under_mocks" {
  command         = plan
  expect_failures = [ephemeral.preflight_tcp_connect.api]
}
