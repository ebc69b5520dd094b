// A key and its value in one call, so that a codec reads like the message it writes. Called by every codec.
// Never leaves a field out by itself: whether an absent value is written is the codec's choice.

import Primitives

extension JSONWriter {
    public mutating func field(_ name: StaticString, _ text: String) {
        key(name)
        string(text)
    }

    public mutating func field(_ name: StaticString, _ number: Int64) {
        key(name)
        integer(number)
    }

    public mutating func field(_ name: StaticString, _ number: ExactDecimal) {
        key(name)
        decimal(number)
    }

    public mutating func field(_ name: StaticString, hex number: UInt128) {
        key(name)
        hex(number)
    }

    public mutating func field(_ name: StaticString, _ time: Timestamp) {
        key(name)
        timestamp(time)
    }

    public mutating func field(_ name: StaticString, _ value: Bool) {
        key(name)
        bool(value)
    }

    public mutating func nullField(_ name: StaticString) {
        key(name)
        null()
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
