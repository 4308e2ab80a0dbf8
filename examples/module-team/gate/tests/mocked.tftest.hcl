# A mocked data source dials nothing. A mocked boolean is false, so the gate is closed until a test overrides it.
mock_provider "preflight" {}

variables {
  name      = "test"
  endpoints = { database = { address = "db.internal:5432", owner = "data" } }
}

run "closed_under_mocks" {
  command         = plan
  expect_failures = [terraform_data.gate]
}

run "opened_by_the_test" {
  command = plan

  override_data {
    target = data.preflight_endpoints.rollout
    values = { proceed = true }
  }
}

run "unknown_key" {
  command = plan
  variables {
    endpoints = { database = { address = "db.internal:5432", owner = "data", sevrity = "warn" } }
  }
  expect_failures = [var.endpoints]
}

run "no_owner" {
  command = plan
  variables {
    endpoints = { database = { address = "db.internal:5432" } }
  }
  expect_failures = [var.endpoints]
}

run "empty_owner" {
  command = plan
  variables {
    endpoints = { database = { address = "db.internal:5432", owner = " " } }
  }
  expect_failures = [var.endpoints]
}

run "only_an_address" {
  command = plan
  variables {
    endpoints = { database = "db.internal:5432" }
  }
  expect_failures = [var.endpoints]
}

run "skipped_without_a_reason" {
  command = plan
  variables {
    skip_reason = ""
  }
  expect_failures = [var.skip_reason]
}
