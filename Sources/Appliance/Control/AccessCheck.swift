// What this user may not open, and which group may.
internal import Foundation

/// Asks before a file is opened, for the libraries that open it do not all say why they could not.
package enum AccessCheck {
    /// Throws with 77 where `path` is there, or may be, and this user lacks the permission. A file that is absent passes.
    /// `mode` is that of access(2), such as `R_OK | W_OK`.
    package static func require(_ path: String, _ mode: Int32) throws(CommandFailure) {
        guard access(path, mode) != 0, errno == EACCES || errno == EPERM else { return }
        throw denied(path)
    }

    /// The failure of a command that may not use `path`.
    static func denied(_ path: String) -> CommandFailure {
        CommandFailure(
            ExitStatus.permission,
            "no permission for \(path)",
            hint: "the members of group \(group(of: path)) have it: use sudo, or become one of them with usermod -aG"
        )
    }

    /// The group of `path`, or of the nearest directory above it that can be seen and is not root's; else the package's.
    private static func group(of path: String) -> String {
        var visible = URL(fileURLWithPath: path).standardizedFileURL
        while visible.path != "/" {
            if let attributes = try? FileManager.default.attributesOfItem(atPath: visible.path),
                let group = attributes[.groupOwnerAccountName] as? String, group != "root"
            {
                return group
            }
            visible.deleteLastPathComponent()
        }
        return "forebay"
    }
}
