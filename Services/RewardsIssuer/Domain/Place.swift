// Holds the place of RewardsIssuer's Domain until its first file.
