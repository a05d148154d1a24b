// Memory that was freed and is still the process's.
internal import CPlatform

package enum FreedMemory {
    /// Gives all of it back to the kernel where it is `least` bytes or more: the allocator keeps what a burst has taken. Takes some
    /// milliseconds then, in which others wait to allocate.
    ///
    /// - Returns: whether there was something to give.
    @discardableResult
    package static func giveBack(whereAtLeast least: Int) -> Bool { forebay_memory_give_back(max(0, least)) == 1 }
}
