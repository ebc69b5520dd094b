// Where the ledger's records come from and go, as data. Read by the worker, the operator's command and the tests.

import EventLog
import Messages
import Primitives
import StateStore
import StreamRuntime

/// Wallet commands in, outcomes out; the outcomes are also the history that a lost store is restored from.
public func walletLedgerTopology() -> ServiceTopology {
    ServiceTopology(
        service: .walletLedger, inputs: [.walletCommands],
        outputs: [.walletTransactions, .awards, .spends, .replies], histories: [.walletTransactions],
        schema: .walletLedger,
        makeProcessor: { (store, partition) throws(StoreFailure) in
            WalletLedgerProcessor(try LedgerStore(store), partition)
        })
}
