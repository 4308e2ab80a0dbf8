# A step of GitHub Actions: the report is part of the job's summary, also if the gate is closed.
code=0
terraform plan -input=false -out=saved.tfplan || code=$?
cat support-bundle/report.md >> "$GITHUB_STEP_SUMMARY"
exit "$code"
