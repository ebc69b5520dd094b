// The functions the library calls, and who owns what across them. Nothing else calls these. They must not
// block and must not let anything out: every pointer they get is valid for the call only, except the
// connection of a suspended exchange. The callbacks' context is the thread that serves the connection, which
// HTTPServer keeps.
//
// | Object   | Held by the library as     | Retained in         | Released in            |
// | -------- | -------------------------- | ------------------- | ---------------------- |
// | Peer     | the socket's context       | connectionChanged   | connectionChanged      |
// | Exchange | the request's context      | targetArrived       | requestCompleted       |
//
// The library promises one requestCompleted for each request it showed us, and a closing connectionChanged
// for each opening one, also when it is stopped; both come before the connection's memory and socket are
// given up (manual, "MHD callbacks").

import CMicroHTTPD
import Glibc

private func servingThread(_ context: UnsafeMutableRawPointer) -> ServingThread {
    unsafe Unmanaged<ServingThread>.fromOpaque(context).takeUnretainedValue()
}

/// While the server stops, whoever still connects is turned away. (The library's own way to stop listening
/// can abort the process when a thread has just reached its connection limit.) An address takes its place here,
/// because only here the library can be told no; what the library counts by itself, it counts for one thread.
func mayConnect(
    _ context: UnsafeMutableRawPointer?, _ address: UnsafePointer<sockaddr>?, _ addressBytes: socklen_t
) -> MHD_Result {
    guard let context = unsafe context else { return .NO }
    let thread = unsafe servingThread(context)
    // The one before was allowed and then could not be opened.
    if let unused = thread.arriving { thread.gate.givePlaceBack(of: unused.address) }
    thread.arriving = nil
    let address = unsafe numericAddress(address, bytes: addressBytes)
    guard !thread.gate.isStopping, thread.gate.takePlace(for: address) else { return .NO }
    thread.arriving = ServingThread.Arrival(address: address)
    return .YES
}

func connectionChanged(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ socketContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ change: MHD_ConnectionNotificationCode
) {
    guard let context = unsafe context, let connection = unsafe connection, let slot = unsafe socketContext
    else {
        return
    }
    let thread = unsafe servingThread(context)
    let gate = thread.gate
    if change == .CONNECTION_NOTIFY_STARTED, let arrival = thread.arriving {
        thread.arriving = nil
        let peer = unsafe Peer(
            socket: pointstream_mhd_socket(connection), address: arrival.address,
            deadline: monotonicMilliseconds() + Int64(gate.limits.requestSeconds) * 1_000)
        gate.add(peer)
        unsafe slot.pointee = unsafe Unmanaged.passRetained(peer).toOpaque()
    } else if let opaque = unsafe slot.pointee {
        unsafe slot.pointee = nil
        unsafe gate.remove(Unmanaged<Peer>.fromOpaque(opaque).takeRetainedValue())
    }
}

/// The request line has come; `target` is still as sent. What is returned becomes the request's context.
func targetArrived(
    _ context: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context, let target = unsafe target, let connection = unsafe connection,
        let opaque = unsafe pointstream_mhd_socket_context(connection)
    else { return nil }
    let bytes = unsafe Array(UnsafeRawBufferPointer(start: target, count: strlen(target)))
    let exchange = unsafe Exchange(
        thread: servingThread(context), peer: Unmanaged<Peer>.fromOpaque(opaque).takeUnretainedValue(),
        reading: Reading(target: bytes, targetAddress: UInt(bitPattern: target)))
    return unsafe Unmanaged.passRetained(exchange).toOpaque()
}

/// Called with the head, with each piece of the body, at the end, and once more when a suspended request is
/// resumed.
func requestProgressed(
    _: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _: UnsafePointer<CChar>?,
    _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ upload: UnsafePointer<CChar>?,
    _ uploadBytes: UnsafeMutablePointer<Int>?,
    _ requestContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let connection = unsafe connection, let method = unsafe method, let version = unsafe version,
        let uploadBytes = unsafe uploadBytes,
        let opaque = unsafe requestContext?.pointee
    else { return .NO }
    let exchange = unsafe Unmanaged<Exchange>.fromOpaque(opaque).takeUnretainedValue()
    let step: Step
    if !exchange.reading.hasBegun {
        exchange.reading.hasBegun = true
        step = unsafe exchange.begin(
            method: String(cString: method), version: String(cString: version),
            fields: fields(of: connection),
            headerBytes: pointstream_mhd_header_bytes(connection), targetEnds: UInt(bitPattern: version),
            connection: connection)
    } else if unsafe uploadBytes.pointee > 0 {
        let piece = unsafe UnsafeRawBufferPointer(start: upload, count: uploadBytes.pointee)
        step = unsafe exchange.receive(piece, connection: connection)
        unsafe uploadBytes.pointee = 0
    } else {
        step = unsafe exchange.finish(connection: connection)
    }
    return unsafe take(step, exchange, connection)
}

private func take(_ step: Step, _ exchange: Exchange, _ connection: OpaquePointer) -> MHD_Result {
    switch step {
    case .goOn: return .YES
    case .close: return .NO
    case .answer(let response):
        let seconds = Int64(exchange.gate.limits.requestSeconds)
        exchange.peer.expect(by: monotonicMilliseconds() + seconds * 1_000)
        return unsafe queue(response, on: connection, gate: exchange.gate)
    }
}

func requestCompleted(
    _: UnsafeMutableRawPointer?, _: OpaquePointer?,
    _ requestContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _: MHD_RequestTerminationCode
) {
    guard let slot = unsafe requestContext, let opaque = unsafe slot.pointee else { return }
    unsafe slot.pointee = nil
    unsafe Unmanaged<Exchange>.fromOpaque(opaque).takeRetainedValue().end()
}

private func fields(of connection: OpaquePointer) -> HTTPFields {
    var fields = HTTPFields()
    unsafe withUnsafeMutablePointer(to: &fields) { pointer in
        _ = unsafe MHD_get_connection_values_n(
            connection, .HEADER_KIND,
            { context, _, name, nameBytes, value, valueBytes in
                guard let context = unsafe context else { return .NO }
                unsafe context.assumingMemoryBound(to: HTTPFields.self).pointee.append(
                    name: UnsafeRawBufferPointer(start: name, count: nameBytes),
                    value: UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : valueBytes))
                return .YES
            }, pointer)
    }
    return fields
}
