// Holds the place of RewardsIssuer's Service until its first file.
