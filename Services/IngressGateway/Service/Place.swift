// Holds the place of IngressGateway's Service until its first file.
