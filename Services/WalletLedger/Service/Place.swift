// Holds the place of WalletLedger's Service until its first file.
