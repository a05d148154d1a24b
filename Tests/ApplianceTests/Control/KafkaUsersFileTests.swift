// The file of users as commands change it: what is written, what stays, and what is not touched.
import Appliance
import Foundation
import Testing

@Suite("File of Kafka users")
struct KafkaUsersFileTests {
    /// A directory for one file, removed with the last reference.
    private final class Place {
        let directory = FileManager.default.temporaryDirectory.path + "/forebay-users-\(UUID().uuidString.prefix(8))"
        var path: String { directory + "/users" }
        var text: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

        init(_ text: String? = nil) throws {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            if let text { try write(text) }
        }

        deinit { try? FileManager.default.removeItem(atPath: directory) }

        func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }

        func mode() throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        }
    }

    @Test("is made with both mechanisms of a user, for its owner and group alone")
    func made() throws {
        let place = try Place()
        let file = KafkaUsersFile(place.path)
        try file.set("lena", password: "secret")
        #expect(try file.users() == [user("lena")])
        #expect(try place.mode() == 0o640)
        #expect(!place.text.contains("secret"))
        #expect(place.text.hasSuffix("\n"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.directory) == ["users"])
    }

    @Test("keeps remarks and other users where they are, and has a user once")
    func replaced() throws {
        let place = try Place()
        let file = KafkaUsersFile(place.path)
        for name in ["ann", "bob", "cid"] { try file.set(name, password: "old") }
        try place.write(
            "# ours\n" + place.text.replacingOccurrences(of: "cid:SCRAM-SHA-256", with: "\n# c\ncid:SCRAM-SHA-256")
        )
        let before = place.text.split(separator: "\n", omittingEmptySubsequences: false)
        try file.set("bob", password: "new")
        let after = place.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(after.count == before.count)
        for (old, new) in zip(before, after) { #expect((old == new) == !old.hasPrefix("bob:"), "\(old)") }
        #expect(try file.users() == [user("ann"), user("bob"), user("cid")])
        try file.delete("ann")
        #expect(try file.users() == [user("bob"), user("cid")])
        #expect(place.text.hasPrefix("# ours\nbob:"))
        // A name is not a beginning of another one.
        #expect(throws: CommandFailure.self) { try file.delete("bo") }
        #expect(try file.users() == [user("bob"), user("cid")])
    }

    @Test("is followed through a link, which stays one")
    func link() throws {
        let place = try Place()
        let link = place.directory + "/link"
        try KafkaUsersFile(place.path).set("lena", password: "a")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: place.path)
        try KafkaUsersFile(link).set("mia", password: "b")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == place.path)
        #expect(try KafkaUsersFile(place.path).users() == [user("lena"), user("mia")])
    }

    @Test(
        "is not touched where the daemon would not take it, and the line is named",
        arguments: ["lena", "lena:x$y", "\u{0}:"]
    )
    func damaged(line: String) throws {
        let text = "# ours\n\(line)\n"
        let place = try Place(text)
        let file = KafkaUsersFile(place.path)
        let failure = #expect(throws: CommandFailure.self) { try file.set("mia", password: "b") }
        #expect(failure?.status == ExitStatus.configuration)
        #expect(failure?.description.contains("line 2") == true, "\(String(describing: failure))")
        #expect(place.text == text)
    }

    @Test(
        "does not take a name or a password that no client could use",
        arguments: [
            ("", "a"), ("a:b", "a"), ("#a", "a"), ("a\nb", "a"), ("a", ""), ("a", String(repeating: "x", count: 1025)),
        ]
    )
    func unusable(name: String, password: String) throws {
        let place = try Place()
        let failure = #expect(throws: CommandFailure.self) {
            try KafkaUsersFile(place.path).set(name, password: password)
        }
        #expect(failure?.status == ExitStatus.usage)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.directory).isEmpty)
    }

    @Test("that is absent is an error for who lists or deletes, and a directory that is absent for who adds")
    func absent() throws {
        let place = try Place()
        let file = KafkaUsersFile(place.path)
        #expect(#expect(throws: CommandFailure.self) { try file.users() }?.status == ExitStatus.noInput)
        #expect(#expect(throws: CommandFailure.self) { try file.delete("a") }?.status == ExitStatus.noInput)
        let nowhere = KafkaUsersFile(place.directory + "/no/users")
        #expect(
            #expect(throws: CommandFailure.self) { try nowhere.set("a", password: "b") }?.status
                == ExitStatus.cannotCreate
        )
    }

    private func user(_ name: String) -> KafkaUsersFile.User {
        KafkaUsersFile.User(user: name, mechanisms: ["SCRAM-SHA-256", "SCRAM-SHA-512"])
    }
}
