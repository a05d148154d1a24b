// What Swift's Glibc does not show of posix_spawn.
internal import CPlatform

/// Has a spawned program begin without any descriptor from `first` on, whoever opened it and however.
///
/// `actions`: an initialised `posix_spawn_file_actions_t`.
/// - Returns: 0 or an errno.
package func closeDescriptors(from first: Int32, in actions: UnsafeMutableRawPointer) -> Int32 {
    forebay_spawn_close_from(actions, first)
}
