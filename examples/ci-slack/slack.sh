# Sends the errors in plan.jsonl, the output of `terraform plan -json`, to a channel of Slack.
jq --slurp '
  map(select(.type == "diagnostic" and .diagnostic.severity == "error") | .diagnostic | "\(.summary)\n\(.detail // "")")
  | join("\n\n") | .[:3000] | gsub("`"; "\u0027") | gsub("&"; "&amp;") | gsub("<"; "&lt;") | gsub(">"; "&gt;")
  | { text: "*terraform plan failed*\n```\n\(.)\n```" }
' plan.jsonl |
  curl --fail --silent --show-error --header "Content-Type: application/json" --data @- "$SLACK_WEBHOOK_URL"
