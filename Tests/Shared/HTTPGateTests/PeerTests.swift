import Testing

@testable import HTTPGate

@Suite struct `A connection` {
    private let gate = Gate(limits: HTTPLimits(), refusal: { _ in .text("") }, admit: { _ in .refuse(.text("")) })
    private let peer = Peer(socket: -1, address: nil, deadline: .max)

    private func exchange() -> Exchange {
        Exchange(thread: ServingThread(gate), peer: peer, reading: Reading(target: [], targetAddress: 0))
    }

    @Test func `owes the next request's answer, however late the responder of the one before is through`() {
        let (first, second) = (exchange(), exchange())
        peer.owe(first)
        // The answer to the first lets its connection go on, and the next request is there before the responder
        // has put the first away.
        peer.owe(second)
        peer.settle(first)
        #expect(peer.owed(before: .max) === second)
        peer.settle(second)
        #expect(peer.owed(before: .max) == nil)
    }
}
