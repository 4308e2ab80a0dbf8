# Turns the errors and warnings of `terraform plan -json` into annotations of GitHub Actions.
def message: gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A");
def property: message | gsub(":"; "%3A") | gsub(","; "%2C");

select(.type == "diagnostic") | .diagnostic
| (if .range then "file=\(.range.filename | property),line=\(.range.start.line)," else "" end) as $place
| "::\(.severity) \($place)title=\(.summary | property)::\(.detail // "" | message)"
