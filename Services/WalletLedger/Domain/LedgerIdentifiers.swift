// Ids of what no command asked for: the ledger's own transactions when time ends a hold or a lot. Commands and what they cause
// have a step below 0x80 in the last byte (see Step); the ledger's own ids have that byte's highest bit set, so the two
// kinds never meet.

import Digests
import Primitives

extension MessageID {
    private static let ledgerBit: UInt128 = 0x80

    /// Whether the ledger itself made this id; no command may bear one.
    public var isLedgersOwn: Bool { value & Self.ledgerBit != 0 }

    /// The transaction that expires a hold; a hold expires at most once, and the id keeps the hold's cause.
    public static func expiry(ofHold hold: MessageID) -> MessageID { MessageID(hold.value | ledgerBit) }

    /// The transaction that expires lots of a wallet and bears this number in its history. Not the lot's id: a lot may
    /// expire in several parts, when holds give points back to it after its time.
    public static func expiryOfLots(in wallet: WalletID, sequence: Int64) -> MessageID {
        MessageID(truncatedDigest("lot-expiry", wallet.hex, String(sequence)) | ledgerBit)
    }
}
