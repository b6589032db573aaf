"""What ``validate`` writes, a module for each form: lines for people, JSON, GitHub, SARIF, JUnit, statistics."""
