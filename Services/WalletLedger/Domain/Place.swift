// Holds the place of WalletLedger's Domain until its first file.
