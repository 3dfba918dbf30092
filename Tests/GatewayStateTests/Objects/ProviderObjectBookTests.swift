import Testing

@testable import GatewayState

@Suite("What providers keep is remembered by owner, over restarts, and in bounds")
struct ProviderObjectBookTests {
    private static func key(_ id: String, _ place: String = "openai ") -> ProviderObject.Key {
        ProviderObject.Key(place: place, id: id)
    }

    private static let a = ObjectOwner(tenant: nil, name: "user a")
    private static let b = ObjectOwner(tenant: nil, name: "user b")
    private static let c = ObjectOwner(tenant: "t", name: "user c")

    private static func ids(
        _ book: ProviderObjectBook, _ owner: ObjectOwner, _ kind: ProviderObject.Kind
    ) -> [String] {
        book.objects(owner, kind).map { $0.key.place + $0.key.id }
    }

    @Test func `a restart forgets nothing, and what was deleted stays deleted`() throws {
        let fixture = StateFixture()
        do {
            let store = try fixture.open()
            store.objects.note(ProviderObject(Self.key("file-1"), .file, owner: Self.a))
            store.objects.note(ProviderObject(Self.key("file-2"), .file, owner: Self.a))
            store.objects.note(ProviderObject(Self.key("file-2", "other "), .file, owner: Self.a))
            store.objects.note(ProviderObject(Self.key("file-3"), .file, owner: Self.b, note: "n"))
            store.objects.note(ProviderObject(Self.key("batch_1"), .batch, owner: Self.a))
            store.objects.note(ProviderObject(Self.key("resp_1"), .response, owner: Self.a, tokens: 7))
            store.objects.flush()
            store.objects.forget(Self.key("file-1"))
            store.objects.note(ProviderObject(Self.key("resp_1"), .response, owner: Self.a, tokens: 9))
            store.close()
        }
        let store = try fixture.open()
        #expect(Self.ids(store.objects, Self.a, .file) == ["openai file-2", "other file-2"])
        #expect(store.objects.objects(Self.b, .file).map(\.note) == ["n"])
        #expect(Self.ids(store.objects, Self.a, .batch) == ["openai batch_1"])
        #expect(store.objects.objects(Self.c, .file).isEmpty)
        #expect(store.objects.tokens(Self.key("resp_1")) == 9)
        #expect(store.objects.tokens(Self.key("file-2")) == nil)
        store.close()
    }

    @Test func `the oldest are forgotten first, and only an owner's own, or of his tenant`() throws {
        var limits = ProviderObjectBook.Limits()
        (limits.ofOwnerMax, limits.ofTenantMax) = (3, 5)
        let store = try StateFixture().open()
        let book = try ProviderObjectBook(store.database, limits: limits)
        for number in 1...4 { book.note(ProviderObject(Self.key("file-\(number)"), .file, owner: Self.a)) }
        #expect(Self.ids(book, Self.a, .file) == [2, 3, 4].map { "openai file-\($0)" })
        for number in 5...7 { book.note(ProviderObject(Self.key("batch_\(number)"), .batch, owner: Self.b)) }
        #expect(Self.ids(book, Self.a, .file) == ["openai file-3", "openai file-4"])
        #expect(book.objects(Self.b, .batch).count == 3)
        for number in 1...4 {
            book.note(ProviderObject(Self.key("resp_\(number)"), .response, owner: Self.a, tokens: number))
        }
        #expect((1...4).map { book.tokens(Self.key("resp_\($0)")) } == [nil, 2, 3, 4])
        // Another tenant, whatever he makes and deletes, keeps nobody else's out; responses do not push out files.
        for number in 0..<10_000 {
            book.note(ProviderObject(Self.key("file-x\(number)"), .file, owner: Self.c))
            if number % 2 == 0 { book.forget(Self.key("file-x\(number)")) }
        }
        #expect(Self.ids(book, Self.a, .file) == ["openai file-3", "openai file-4"])
        #expect(book.objects(Self.b, .batch).count == 3)
        #expect(book.objects(Self.c, .file).count == 3)
        store.close()
    }

    @Test func `no two owners have one name`() {
        let owners = [
            ObjectOwner(tenant: nil, name: "user a"), ObjectOwner(tenant: "", name: "user a"),
            ObjectOwner(tenant: "x", name: "y user a"), ObjectOwner(tenant: "x y", name: "user a"),
            ObjectOwner(tenant: "- 1:", name: ""), ObjectOwner(tenant: "ä:\n", name: "3:ab c"),
        ]
        #expect(Set(owners.map(\.text)).count == owners.count)
        for owner in owners { #expect(ObjectOwner(text: owner.text) == owner) }
        for text in ["", "-", "9:a b", "x", "1:a", "-1:a b", "user a"] { #expect(ObjectOwner(text: text) == nil) }
    }

    @Test func `what has been passed takes no memory for ever`() throws {
        var limits = ProviderObjectBook.Limits()
        (limits.ofOwnerMax, limits.ofTenantMax) = (3, 5)
        let store = try StateFixture().open()
        let book = try ProviderObjectBook(store.database, limits: limits)
        for number in 1...10_000 {
            book.note(ProviderObject(Self.key("file-\(number)"), .file, owner: Self.a))
            book.note(ProviderObject(Self.key("resp_\(number)"), .response, owner: Self.a, tokens: number))
        }
        #expect(book.lineLength < 1_100)
        #expect(book.tokens(Self.key("resp_10000")) == 10_000)
        store.close()
    }
}
