// Bytes as text: base64 (RFC 4648, section 4) and hex, for signatures, secrets and digests in messages.
// Called by the notifier and the gateway. Never accepts two spellings of the same bytes.

import Foundation

/// Base64 with padding, without line breaks.
public func base64Encode(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString()
}

/// The bytes of canonical base64 with padding; nil for anything else.
public func base64Decode(_ text: String) -> [UInt8]? {
    guard let data = Data(base64Encoded: text), data.base64EncodedString() == text else { return nil }
    return Array(data)
}

/// Lower-case hex, two digits a byte.
public func hexEncode(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 0xf)])
    }
    return String(decoding: text, as: UTF8.self)
}
