// A key and its value in one call, so that a codec reads like the message it writes. Called by every codec.
// Never leaves a field out by itself: whether an absent value is written is the codec's choice.

import Primitives

extension JSONWriter {
    public mutating func field(_ name: StaticString, _ text: String) {
        let utf8 = text.utf8.span
        var isPut = false
        member(name, room: utf8.count + 2) { isPut = $0.put(quoted: utf8) }
        if !isPut { appendEscaped(utf8) }
    }

    public mutating func field(_ name: StaticString, _ number: Int64) {
        member(name, room: BytePen.numberRoom) { $0.put(number) }
    }

    public mutating func field(_ name: StaticString, _ number: ExactDecimal) {
        member(name, room: BytePen.numberRoom) { $0.put(number) }
    }

    public mutating func field(_ name: StaticString, hex number: UInt128) {
        member(name, room: BytePen.hexRoom + 2) { $0.put(quoted: number) }
    }

    public mutating func field(_ name: StaticString, _ time: Timestamp) {
        member(name, room: BytePen.timestampRoom + 2) { $0.put(quoted: time) }
    }

    public mutating func field(_ name: StaticString, _ value: Bool) {
        member(name, room: 5) { $0.put(value ? "true" : "false") }
    }

    public mutating func nullField(_ name: StaticString) {
        member(name, room: 4) { $0.put("null") }
    }

    public mutating func field(_ name: StaticString, raw json: some Collection<UInt8>) {
        key(name)
        raw(json)
    }

    /// An object's members are written by `members`, between its braces.
    public mutating func object(_ name: StaticString, _ members: (inout JSONWriter) -> Void) {
        key(name)
        beginObject()
        members(&self)
        endObject()
    }

    /// An array's items are written by `items`, between its brackets.
    public mutating func array(_ name: StaticString, _ items: (inout JSONWriter) -> Void) {
        key(name)
        beginArray()
        items(&self)
        endArray()
    }
}
