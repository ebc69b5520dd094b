// The lines that deliveries stand in.

import Primitives
import Testing

@testable import NotifierService

@Suite("Lines of deliveries") struct WaitingTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `what is due first leaves first, and nothing before its time`(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        var heap = DueHeap<Int64>()
        var waiting: [Int64] = []
        for step in 0..<2_000 as Range<Int64> {
            let due = step + Int64(entropy.below(300))
            heap.insert(due, due: Timestamp(milliseconds: due))
            waiting.append(due)
            #expect(heap.firstDue?.milliseconds == waiting.min())
            guard step.isMultiple(of: 3) else { continue }
            var left: [Int64] = []
            while let due = heap.removeFirst(dueBy: Timestamp(milliseconds: step)) { left.append(due) }
            #expect(left == waiting.filter { $0 <= step }.sorted())
            waiting.removeAll { $0 <= step }
        }
    }

    @Test func `a line is left in the order in which it was joined`() {
        var line = FirstInFirstOut<Int>()
        var (joined, left) = (0, 0)
        for round in 1...200 {
            for _ in 0..<(round % 7) {
                line.append(joined)
                joined += 1
            }
            for _ in 0..<min(round % 5, joined - left) {
                #expect(line.first == left)
                line.removeFirst()
                left += 1
            }
        }
        #expect(Array(line.prefix(3)) == Array((left..<joined).prefix(3)))
    }

    @Test func `a thousand subscriptions share what a few have to themselves`() {
        #expect(DeliveryBounds(subscriptions: 1).inFlight == 128)
        #expect(DeliveryBounds(subscriptions: 1_000).inFlight * 1_000 <= 4_096)
        #expect(DeliveryBounds(subscriptions: 1_000).known * 1_000 <= 65_536)
    }
}
