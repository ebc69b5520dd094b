// Holds the place of IngressGateway's Domain until its first file.
