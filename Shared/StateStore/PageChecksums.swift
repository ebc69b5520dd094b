// A layer below SQLite that gives every page of a database a checksum and refuses a page whose checksum is
// wrong. SQLite checks the frames of its write-ahead log and nothing else: a bit that turned over in a row, or in
// the text of the schema, would be read as if somebody had written it. Registered once, as a VFS; used by
// Connection for every file. Reads and writes go to SQLite's own VFS.
//
// Each page ends with eight bytes that SQLite leaves alone (its "reserved" bytes): the checksum of the rest and
// of the page's number. Pages reach the file in checkpoints only. One that is cut short leaves pages of two
// times, each with a right checksum; as long as it goes on there is a file `...-checkpoint` beside the database,
// and a database that is found with one is not trusted.

import CSQLite
import Foundation

enum PageChecksums {
    static let name = "pointstream-checked"
    /// How checksums are made; 0 is one sum for a page.
    static let version: Int64 = 1
    /// At the end of each page.
    static let reservedBytes: Int32 = 8
    static let checkpointSuffix = "-checkpoint"
    /// SQLite's own choice; told to it, so that no file has another.
    static let pageBytes: Int32 = 4_096
    /// Where a database's header says how many bytes of each page are reserved.
    private static let reservedByte = 20
    private static let headerBytes = 100

    /// SQLite's code; registering happens at the first use.
    static let registration: Int32 = register()

    /// Why a file cannot be trusted before it was opened; nil if it can, or is not there.
    static func distrust(path: String) -> String? {
        FileManager.default.fileExists(atPath: path + checkpointSuffix) ? "a checkpoint was cut short" : nil
    }

    /// Whether a header, which SQLite reads before any page, is that of a database whose pages have checksums.
    static func hasChecksums(_ header: UnsafeRawBufferPointer) -> Bool {
        unsafe header.count != headerBytes || header[reservedByte] == UInt8(reservedBytes)
    }

    /// Every word of eight bytes goes into one of four sums, and each step is a bijection of its sum so far, the last
    /// ones included: a change within one word is always found, any other with a chance of 1 in 2^64 not to be. Four
    /// that do not wait for each other take a third of the time of one: 0.3 us a page instead of 0.9.
    static func checksum(_ page: UnsafeRawBufferPointer, number: Int64) -> UInt64 {
        let words = (page.count - Int(reservedBytes)) / MemoryLayout<UInt64>.size
        func word(_ index: Int) -> UInt64 {
            let offset = index * MemoryLayout<UInt64>.size
            return unsafe UInt64(littleEndian: page.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        let start = UInt64(bitPattern: number) ^ 0x9e37_79b9_7f4a_7c15
        var (first, second, third, fourth) = (start, start &+ 1, start &+ 2, start &+ 3)
        let rest = words - words % 4
        for index in stride(from: 0, to: rest, by: 4) {
            first = mixed(first, word(index))
            second = mixed(second, word(index + 1))
            third = mixed(third, word(index + 2))
            fourth = mixed(fourth, word(index + 3))
        }
        for index in rest..<words { first = mixed(first, word(index)) }
        let sum = mixed(mixed(mixed(first, second), third), fourth)
        return sum ^ sum >> 32
    }

    private static func mixed(_ sum: UInt64, _ word: UInt64) -> UInt64 {
        let both = sum ^ word
        return (both << 27 | both >> 37) &* 0xff51_afd7_ed55_8ccd
    }

    static func stored(in page: UnsafeRawBufferPointer) -> UInt64 {
        unsafe UInt64(
            littleEndian: page.loadUnaligned(fromByteOffset: page.count - Int(reservedBytes), as: UInt64.self))
    }
}

/// What SQLite sees of an open database; its own file's object lies behind it in the same memory.
@unsafe private struct CheckedFile {
    /// First, as SQLite wants it.
    var base: sqlite3_file
    var checkpointMarker: UnsafeMutablePointer<CChar>?
    /// The checkpoint at hand could not be marked, or a page of it could not be written.
    var hasCheckpointFailed: Bool
    var isCheckpointing: Bool

    /// Aligned for any C type.
    static let bytes = unsafe (MemoryLayout<CheckedFile>.stride + 15) & ~15
}

/// SQLite's own VFS, found when the layer is registered.
nonisolated(unsafe) private var plain: UnsafeMutablePointer<sqlite3_vfs>?
nonisolated(unsafe) private var methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)

private func register() -> Int32 {
    guard let found = unsafe sqlite3_vfs_find(nil) else { return SQLITE_ERROR }
    unsafe plain = found
    unsafe methods.initialize(to: checkedMethods())
    // Lives as long as the process.
    let layer = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    unsafe layer.initialize(to: found.pointee)
    unsafe layer.pointee.zName = UnsafePointer(strdup(PageChecksums.name))
    unsafe layer.pointee.szOsFile = Int32(CheckedFile.bytes) + found.pointee.szOsFile
    unsafe layer.pointee.pNext = nil
    unsafe layer.pointee.xOpen = { unsafe open($1, $2, $3, $4) }
    return unsafe sqlite3_vfs_register(layer, 0)
}

/// Other files than databases (the write-ahead log has checksums of its own) are SQLite's as they are.
private func open(
    _ name: UnsafePointer<CChar>?, _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32,
    _ taken: UnsafeMutablePointer<Int32>?
) -> Int32 {
    guard let plain = unsafe plain, let file = unsafe file, let openPlain = unsafe plain.pointee.xOpen else {
        return SQLITE_MISUSE
    }
    guard flags & SQLITE_OPEN_MAIN_DB != 0, let name = unsafe name else {
        return unsafe openPlain(plain, name, file, flags, taken)
    }
    let own = unsafe inner(file)
    unsafe own.pointee.pMethods = nil
    let code = unsafe openPlain(plain, name, own, flags, taken)
    let checked = unsafe outer(file)
    unsafe checked.initialize(
        to: CheckedFile(
            base: sqlite3_file(pMethods: own.pointee.pMethods == nil ? nil : UnsafePointer(methods)),
            checkpointMarker: strdup(String(cString: name) + PageChecksums.checkpointSuffix),
            hasCheckpointFailed: false, isCheckpointing: false))
    return code
}

private func outer(_ file: UnsafeMutablePointer<sqlite3_file>) -> UnsafeMutablePointer<CheckedFile> {
    unsafe UnsafeMutableRawPointer(file).assumingMemoryBound(to: CheckedFile.self)
}

private func inner(_ file: UnsafeMutablePointer<sqlite3_file>) -> UnsafeMutablePointer<sqlite3_file> {
    unsafe UnsafeMutableRawPointer(file).advanced(by: CheckedFile.bytes).assumingMemoryBound(to: sqlite3_file.self)
}

private func checkedMethods() -> sqlite3_io_methods {
    var methods = sqlite3_io_methods()
    // Without shared memory and mapped pages, which exclusive databases do not use.
    methods.iVersion = 1
    unsafe methods.xClose = { file in
        guard let file = unsafe file else { return SQLITE_MISUSE }
        let own = unsafe inner(file)
        unsafe free(outer(file).pointee.checkpointMarker)
        return unsafe own.pointee.pMethods.pointee.xClose(own)
    }
    unsafe methods.xRead = { unsafe read($0, $1, $2, $3) }
    unsafe methods.xWrite = { unsafe write($0, $1, $2, $3) }
    unsafe methods.xFileControl = { unsafe control($0, $1, $2) }
    unsafe methods.xTruncate = { file, size in
        guard let own = unsafe file.map(inner) else { return SQLITE_MISUSE }
        return unsafe own.pointee.pMethods.pointee.xTruncate(own, size)
    }
    unsafe methods.xSync = { file, flags in
        guard let own = unsafe file.map(inner) else { return SQLITE_MISUSE }
        return unsafe own.pointee.pMethods.pointee.xSync(own, flags)
    }
    unsafe methods.xFileSize = { file, size in
        guard let own = unsafe file.map(inner) else { return SQLITE_MISUSE }
        return unsafe own.pointee.pMethods.pointee.xFileSize(own, size)
    }
    unsafe methods.xLock = { file, level in
        guard let own = unsafe file.map(inner) else { return SQLITE_MISUSE }
        return unsafe own.pointee.pMethods.pointee.xLock(own, level)
    }
    unsafe methods.xUnlock = { file, level in
        guard let own = unsafe file.map(inner) else { return SQLITE_MISUSE }
        return unsafe own.pointee.pMethods.pointee.xUnlock(own, level)
    }
    unsafe methods.xCheckReservedLock = { file, isReserved in
        guard let own = unsafe file.map(inner) else { return SQLITE_MISUSE }
        return unsafe own.pointee.pMethods.pointee.xCheckReservedLock(own, isReserved)
    }
    unsafe methods.xSectorSize = { file in
        guard let own = unsafe file.map(inner) else { return 0 }
        return unsafe own.pointee.pMethods.pointee.xSectorSize(own)
    }
    unsafe methods.xDeviceCharacteristics = { file in
        guard let own = unsafe file.map(inner) else { return 0 }
        return unsafe own.pointee.pMethods.pointee.xDeviceCharacteristics(own)
    }
    return methods
}

/// Parts of a page are read for the header's sake alone, before the first page is read whole. The header is looked at
/// here: whoever opens a file beside SQLite and closes it takes all locks from it that the process has on it.
private func read(
    _ file: UnsafeMutablePointer<sqlite3_file>?, _ bytes: UnsafeMutableRawPointer?, _ count: Int32, _ offset: Int64
) -> Int32 {
    guard let file = unsafe file, let bytes = unsafe bytes else { return SQLITE_MISUSE }
    let own = unsafe inner(file)
    let code = unsafe own.pointee.pMethods.pointee.xRead(own, bytes, count, offset)
    let page = unsafe UnsafeRawBufferPointer(start: bytes, count: Int(count))
    guard code == SQLITE_OK, isPage(count, offset) else {
        return unsafe code != SQLITE_OK || offset != 0 || PageChecksums.hasChecksums(page) ? code : ioerrData
    }
    let sum = unsafe PageChecksums.checksum(page, number: offset / Int64(count))
    return unsafe sum == PageChecksums.stored(in: page) ? SQLITE_OK : ioerrData
}

/// SQLITE_IOERR_DATA, a macro that Swift does not see.
private let ioerrData = SQLITE_IOERR | 32 << 8

private func isPage(_ count: Int32, _ offset: Int64) -> Bool {
    count == PageChecksums.pageBytes && offset % Int64(PageChecksums.pageBytes) == 0
}

private func write(
    _ file: UnsafeMutablePointer<sqlite3_file>?, _ bytes: UnsafeRawPointer?, _ count: Int32, _ offset: Int64
) -> Int32 {
    guard let file = unsafe file, let bytes = unsafe bytes else { return SQLITE_MISUSE }
    let own = unsafe inner(file)
    let checked = unsafe outer(file)
    if unsafe checked.pointee.isCheckpointing && checked.pointee.hasCheckpointFailed { return SQLITE_FULL }
    guard isPage(count, offset) else {
        return unsafe own.pointee.pMethods.pointee.xWrite(own, bytes, count, offset)
    }
    // SQLite goes on using its page, so the sum goes into a copy.
    let code = unsafe withUnsafeTemporaryAllocation(byteCount: Int(count), alignment: 8) { copy in
        unsafe copy.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: Int(count)))
        let sum = unsafe PageChecksums.checksum(UnsafeRawBufferPointer(copy), number: offset / Int64(count))
        unsafe copy.storeBytes(
            of: sum.littleEndian, toByteOffset: Int(count - PageChecksums.reservedBytes), as: UInt64.self)
        return unsafe own.pointee.pMethods.pointee.xWrite(own, copy.baseAddress, count, offset)
    }
    if code != SQLITE_OK { unsafe checked.pointee.hasCheckpointFailed = true }
    return code
}

/// SQLite tells here when a checkpoint begins and ends.
private func control(
    _ file: UnsafeMutablePointer<sqlite3_file>?, _ operation: Int32, _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let file = unsafe file else { return SQLITE_MISUSE }
    let checked = unsafe outer(file)
    if operation == SQLITE_FCNTL_CKPT_START, let marker = unsafe checked.pointee.checkpointMarker {
        let descriptor = unsafe Foundation.open(marker, O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)
        unsafe checked.pointee.isCheckpointing = true
        unsafe checked.pointee.hasCheckpointFailed = descriptor < 0
        if descriptor >= 0 { Foundation.close(descriptor) }
    }
    if operation == SQLITE_FCNTL_CKPT_DONE, let marker = unsafe checked.pointee.checkpointMarker {
        unsafe checked.pointee.isCheckpointing = false
        if unsafe !checked.pointee.hasCheckpointFailed { unsafe unlink(marker) }
    }
    let own = unsafe inner(file)
    return unsafe own.pointee.pMethods.pointee.xFileControl(own, operation, argument)
}
