// Holds the place of Notifier's Domain until its first file.
