# These tests dial. Nothing listens on port 1.
variables {
  name = "test"
}

run "listener" {
  module {
    source = "./tests/listener"
  }
}

run "open" {
  variables {
    endpoints = {
      database = { address = run.listener.address, owner = "data" }
      cache    = { address = "127.0.0.1:1", owner = "web", severity = "warn" }
    }
  }

  assert {
    condition     = output.not_ready == { cache = { owner = "web", address = "127.0.0.1:1", status = "connection-refused" } }
    error_message = "not_ready must list the cache and nothing else."
  }
}

run "closed" {
  command = plan

  variables {
    endpoints = {
      database = { address = "127.0.0.1:1", owner = "data" }
      cache    = { address = run.listener.address, owner = "web" }
    }
  }

  expect_failures = [terraform_data.gate]
}

run "skipped" {
  command = plan

  variables {
    endpoints   = { database = { address = "127.0.0.1:1", owner = "data" } }
    skip_reason = "INC-4711, decided by Kim: the database moves tonight"
  }

  # The gate is not in this list, so it must be open.
  expect_failures = [check.not_skipped]
}
