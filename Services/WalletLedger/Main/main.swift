// Starts the service as a process; everything else is in Service and Domain.

import Foundation
import WalletLedgerService
import ServiceHost

let process = ServiceProcess(.walletLedger, summary: "keeps every wallet's balance, lots and holds")
exit(process.run { _ in ServiceDefinition(topology: walletLedgerTopology()) })
