// Answers on their way out: through the library, or, for a refusal in the middle of a body, straight to the
// socket. Called on the library's threads only. The library copies what it is given, so nothing here outlives
// the call.

import CMicroHTTPD
import Glibc

/// Hands an answer to the library.
/// - Returns: `MHD_NO` if it cannot be sent at all, which closes the connection.
func queue(_ response: HTTPResponse, on connection: OpaquePointer, gate: Gate) -> MHD_Result {
    if let queued = unsafe tryQueue(response, on: connection) { return queued }
    return unsafe tryQueue(gate.refusal(.unanswered), on: connection) ?? .NO
}

/// - Returns: nil for an answer that must not be sent as it is: its status or one of its fields is malformed.
private func tryQueue(_ response: HTTPResponse, on connection: OpaquePointer) -> MHD_Result? {
    guard (200...599).contains(response.status), response.headers.allSatisfy(isSendable) else { return nil }
    let native = unsafe response.body.withUnsafeBytes { bytes in
        // The library only reads the buffer when told to copy it; its parameter is not const for historical
        // reasons.
        unsafe MHD_create_response_from_buffer(
            bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
    }
    guard let native = unsafe native else { return .NO }
    defer { unsafe MHD_destroy_response(native) }
    for (name, value) in response.headers {
        // Lent, because a string that is passed as it is would be copied first.
        let isAdded = unsafe name.withCString { name in
            unsafe value.withCString { value in unsafe MHD_add_response_header(native, name, value) == .YES }
        }
        guard isAdded else { return nil }
    }
    return unsafe MHD_queue_response(connection, UInt32(response.status), native)
}

private func isSendable(_ field: (name: String, value: String)) -> Bool {
    !field.name.isEmpty && field.name.utf8.allSatisfy(isTokenByte)
        && field.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }
}

/// Sends an answer past the library and shuts our direction. The library has nothing of its own under way
/// then: earlier answers on the connection are complete before the next head is read.
/// - Returns: false if the socket did not take all of it at once.
func sendAndShut(_ response: HTTPResponse, withBody: Bool, socket: Int32) -> Bool {
    var text = "HTTP/1.1 \(response.status) \(reasonPhrase(response.status))\r\nDate: \(httpDate())\r\n"
    for field in response.headers where isSendable(field) { text += "\(field.0): \(field.1)\r\n" }
    text += "Content-Length: \(response.body.count)\r\n\r\n"
    let bytes = Array(text.utf8) + (withBody ? response.body : [])
    let sent = unsafe send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    return sent == bytes.count && shutdown(socket, Int32(SHUT_WR)) == 0
}

/// RFC 9110, section 5.6.7.
private func httpDate() -> String {
    var now = time(nil)
    var parts = unsafe tm()
    var text = [CChar](repeating: 0, count: 40)
    guard unsafe gmtime_r(&now, &parts) != nil,
        unsafe strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts) > 0
    else { return "Thu, 01 Jan 1970 00:00:00 GMT" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
