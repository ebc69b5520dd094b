// Holds the place of Notifier's Service until its first file.
