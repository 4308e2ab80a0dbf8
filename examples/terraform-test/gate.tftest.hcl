# Mocked data sources dial nothing. Terraform makes their texts up, so the status, which is checked, is given here. The gate is
# closed all the same, because a mocked boolean is false: nothing opens it but a test that says so.
mock_provider "preflight" {
  mock_data "preflight_tcp_connect" {
    defaults = {
      status = "connected"
    }
  }
}

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
