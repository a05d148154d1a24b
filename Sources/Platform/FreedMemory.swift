// Memory that was freed and is still the process's.
internal import CPlatform

package enum FreedMemory {
    /// Gives it back to the kernel where it is more than `kept` bytes: the allocator keeps what a burst has taken. Takes some
    /// milliseconds then, in which others wait to allocate; for quiet moments.
    ///
    /// - Returns: whether there was something to give.
    @discardableResult
    package static func giveBack(keeping kept: Int) -> Bool { forebay_memory_give_back(max(0, kept)) == 1 }
}
