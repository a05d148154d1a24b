// Reads what a bad sector has left: unreadable bytes are damage of their range, and no reason to stop.
internal import Platform

extension DiskFile {
    /// As `read`, but bytes that the device cannot read come as `Salvage.filler`: a page at a time, so that no more is
    /// given up than a sector's neighbourhood. Other failures are thrown.
    func salvage(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(DiskError) -> Salvage {
        do { return Salvage(count: try read(into: buffer, at: position), isWhole: true) } catch {
            guard error.isUnreadable else { throw error }
        }
        let size = try size()
        let wanted = min(buffer.count, Int(clamping: max(0, size - position)))
        var count = 0
        while count < wanted {
            let toBoundary = Salvage.pageBytes - Int((position + Int64(count)) % Int64(Salvage.pageBytes))
            let end = min(wanted, count + toBoundary)
            let page = UnsafeMutableRawBufferPointer(rebasing: buffer[count..<end])
            do {
                guard try read(into: page, at: position + Int64(count)) == page.count else {
                    return Salvage(count: count, isWhole: false)
                }
            } catch {
                guard error.isUnreadable else { throw error }
                page.initializeMemory(as: UInt8.self, repeating: Salvage.filler)
            }
            count = end
        }
        return Salvage(count: count, isWhole: false)
    }
}

struct Salvage {
    /// Bytes in the buffer, fewer than asked for only at the end of the file.
    var count: Int
    /// Whether every byte could be read.
    var isWhole: Bool

    /// The unit in which the page cache reads, and in which disks have sectors.
    static let pageBytes = 4096
    /// No zero, which would pass for a tail that was never written; no batch and no journal entry begins with it.
    static let filler: UInt8 = 0xFF
}
