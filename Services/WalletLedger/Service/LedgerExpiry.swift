// Ends what is overdue: in the sweep, and in a wallet that a command is about, before the command is decided. So a hold or lot
// is never used after its time, however late the sweep comes. Part of WalletLedgerProcessor.

import Messages
import Primitives
import StateStore
import StreamRuntime
import WalletLedgerDomain

extension WalletLedgerProcessor {
    /// What one sweep ends or forgets at most of each kind; more waits for the next batch, so that a day's expiries do
    /// not delay the commands behind them.
    private static var maximumSwept: Int { 200 }

    /// The wallet as it is now, with nothing overdue; nil if there is none.
    func current(_ wallet: WalletID, _ batch: BatchContext) throws(RecordFailure) -> WalletSnapshot? {
        var snapshot = try storing { () throws(StoreFailure) in try store.accounts.snapshot(of: wallet) }
        try expireOverdue(&snapshot, batch)
        return snapshot
    }

    /// Ends the wallet's overdue holds, then its expired lots, which may have got points back from them. Costs a
    /// comparison while nothing in the partition is due.
    func expireOverdue(_ snapshot: inout WalletSnapshot?, _ batch: BatchContext) throws(RecordFailure) {
        guard let wallet = snapshot?.wallet.id,
            let due = try storing({ () throws(StoreFailure) in try store.nextDue() }), due <= batch.now
        else { return }
        while let hold = try storing({ () throws(StoreFailure) in
            try store.holds.firstDue(of: wallet, now: batch.now)
        }) {
            try expire(hold, &snapshot, batch)
        }
        try expireLots(&snapshot, batch)
    }

    func sweep(_ batch: BatchContext) throws(RecordFailure) {
        store.forgetDue()
        for _ in 0..<Self.maximumSwept {
            let hold = try storing { () throws(StoreFailure) in try store.holds.firstDue(now: batch.now) }
            guard let hold else { break }
            var snapshot = try storing { () throws(StoreFailure) in
                try store.accounts.snapshot(of: hold.wallet)
            }
            try expire(hold, &snapshot, batch)
        }
        for _ in 0..<Self.maximumSwept {
            let wallet = try storing { () throws(StoreFailure) in try store.lots.firstDueWallet(now: batch.now) }
            guard let wallet else { break }
            var snapshot = try storing { () throws(StoreFailure) in try store.accounts.snapshot(of: wallet) }
            guard snapshot != nil else { throw .store(missingWallet(wallet)) }
            try expireLots(&snapshot, batch)
        }
        try storing { () throws(StoreFailure) in
            let ended = batch.now.adding(milliseconds: -LedgerStore.endedHoldMilliseconds)
            try store.holds.forget(endedBy: ended, atMost: Self.maximumSwept)
        }
        store.forgetDue()
    }

    private func expire(
        _ hold: Hold, _ snapshot: inout WalletSnapshot?, _ batch: BatchContext
    ) throws(RecordFailure) {
        guard let wallet = snapshot else { throw .store(missingWallet(hold.wallet)) }
        let reservations = try storing { () throws(StoreFailure) in try store.holds.reservations(of: hold) }
        let decision = DecideExpiry.hold(wallet, hold, reservations, now: batch.now)
        try publish(decision, nil, &snapshot, batch)
    }

    private func expireLots(_ snapshot: inout WalletSnapshot?, _ batch: BatchContext) throws(RecordFailure) {
        for asset in snapshot?.accounts.map(\.asset) ?? [] {
            while let wallet = snapshot {
                let lots = try storing { () throws(StoreFailure) in
                    try store.lots.due(wallet.wallet.id, asset, now: batch.now)
                }
                guard !lots.isEmpty else { break }
                try publish(DecideExpiry.lots(wallet, lots, of: asset, now: batch.now), nil, &snapshot, batch)
            }
        }
    }

    /// Rows that belong together were restored apart: the store has to be built anew.
    private func missingWallet(_ wallet: WalletID) -> StoreFailure {
        StoreFailure(operation: "expire", detail: "wallet \(wallet) is missing", consequence: .rebuild)
    }
}
