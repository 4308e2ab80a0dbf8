# Mocked data sources dial nothing, and Terraform makes up what they say. A mocked boolean is false, so the gate is closed: nothing
# opens it but a test that says so.
mock_provider "preflight" {}

run "closed_under_mocks" {
  command         = plan
  expect_failures = [terraform_data.rollout]
}

run "opened_by_the_test" {
  command = plan

  override_data {
    target = data.preflight_analysis.api
    values = {
      proceed = true
    }
  }
}
