"""The people who are told about images, in the stack whose permissions are tested."""

REVIEWER, OPERATOR = "reviewer@example.com", "operator@example.com"
