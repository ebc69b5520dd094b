// The two lines that deliveries stand in: those that may be sent, in their order, and those that wait for a
// time. Used by DeliveryQueue; amortised constant and logarithmic time.

import Primitives

/// A line that is left at the front.
struct FirstInFirstOut<Element> {
    /// Gaps at the front are closed when they are half of the storage, and this many at least.
    private static var minimumGap: Int { 64 }

    private var elements: [Element] = []
    private var start = 0

    var first: Element? { start < elements.count ? elements[start] : nil }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func removeFirst() {
        start += 1
        guard start >= Self.minimumGap, start * 2 >= elements.count else { return }
        elements.removeFirst(start)
        start = 0
    }

    func prefix(_ count: Int) -> ArraySlice<Element> { elements[start...].prefix(count) }
}

/// A binary heap: the earliest due time first.
struct DueHeap<Element> {
    private var nodes: [(due: Timestamp, element: Element)] = []

    var firstDue: Timestamp? { nodes.first?.due }

    mutating func insert(_ element: Element, due: Timestamp) {
        nodes.append((due, element))
        var child = nodes.count - 1
        while child > 0, nodes[child].due < nodes[(child - 1) / 2].due {
            nodes.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Nil if nothing is due by `now`.
    mutating func removeFirst(dueBy now: Timestamp) -> Element? {
        guard let first = nodes.first, first.due <= now else { return nil }
        nodes.swapAt(0, nodes.count - 1)
        nodes.removeLast()
        var parent = 0
        while true {
            let (left, right) = (2 * parent + 1, 2 * parent + 2)
            guard left < nodes.count else { return first.element }
            let least = right < nodes.count && nodes[right].due < nodes[left].due ? right : left
            guard nodes[least].due < nodes[parent].due else { return first.element }
            nodes.swapAt(parent, least)
            parent = least
        }
    }
}
