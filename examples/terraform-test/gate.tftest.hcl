# A mocked data source dials nothing, and Terraform makes up its values. A mocked boolean is false, so the gate is closed until a test
# overrides it.
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
